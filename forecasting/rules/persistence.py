"""Persistence: the groups go on as they are now, inside what is installed.

Source: ours. IEC 61968-5 asks for max, min and nominal values and a confidence; the confidence of
persistence is low and falls with the share of members that nobody hears from.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from groups.rules.aggregate import GroupColumns

CONFIDENCE_PCT = 20.0
"""Trust in persistence when every member is heard; not measured, only said to be low."""


@dataclass(frozen=True, slots=True)
class Level:
    """One quantity of one group, the same at every instant; W, var, VA or V, None = not known.

    Attributes:
        parameter: DERParameterKind.
        nominal: Expected value.
        high: Greatest reachable.
        low: Least reachable.
        installed_max: By the ratings of all members.
        installed_min: By the ratings of all members.
    """

    parameter: str
    nominal: float | None = None
    high: float | None = None
    low: float | None = None
    installed_max: float | None = None
    installed_min: float | None = None

    @property
    def is_known(self) -> bool:
        """True when there is anything to tell besides the ratings."""
        return any(value is not None for value in (self.nominal, self.high, self.low))


def levels(group: GroupColumns, row: int) -> tuple[Level, ...]:
    """Return what one group is expected to go on with.

    Without one good member nothing was measured and no value is expected; the limits are then
    those of nobody, zero.

    Args:
        group: Aggregates of the groups, over good members only; arrays [n_groups].
        row: Which group.
    """
    seen = bool(group.good[row])

    def at(values: NDArray[np.float64]) -> float:
        return float(values[row])

    return (
        Level(
            "activePower",
            nominal=at(group.active_power_w) if seen else None,
            high=at(group.available_max_w),
            low=at(group.available_min_w),
            installed_max=at(group.installed_max_w),
            installed_min=at(group.installed_min_w),
        ),
        Level(
            "reactivePower",
            nominal=at(group.reactive_power_var) if seen else None,
            high=at(group.available_max_var),
            low=at(group.available_min_var),
            installed_max=at(group.installed_max_var),
            installed_min=at(group.installed_min_var),
        ),
        Level("apparentPower", nominal=at(group.apparent_power_va) if seen else None),
        Level("voltage", nominal=None if np.isnan(group.voltage_v[row]) else at(group.voltage_v)),
    )


def confidence_pct(group: GroupColumns, row: int) -> float:
    """Return the trust in the persistence of one group [%]: never more than CONFIDENCE_PCT."""
    return CONFIDENCE_PCT * float(group.coverage_pct[row]) / 100
