"""What each device can do now: bounds of its active and reactive power.

For group status, dispatch and the device page. Positive = injection; arrays are [n] devices.
Source: IEC 61968-5 DERGroupStatus (available maximum/minimum), IEEE 1547-2018 table 28
(ratings); the rules per kind are ours, ADR 0022.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
Int16 = NDArray[np.int16]
Bool = NDArray[np.bool_]


class KindCode(IntEnum):
    """Number of each device kind in arrays; the order of `choices.DeviceKind`."""

    PV = 0
    BATTERY = 1
    EV_CHARGER = 2
    LOAD = 3
    GENSET = 4
    WIND = 5
    OTHER = 6


@dataclass(frozen=True, slots=True)
class Capability:
    """What bounds a device besides its present state, all [n].

    Attributes:
        kind: `KindCode` numbers.
        max_w: Largest injection as set, not above the rating [W].
        max_charge_w: Largest absorption as set [W], >= 0.
        max_va: Largest apparent power as set [VA].
        max_var_injected: Largest reactive injection [var], >= 0.
        max_var_absorbed: Largest reactive absorption [var], >= 0.
        min_soc_pct: A battery is not discharged below this [%].
        max_soc_pct: A battery is not charged above this [%].
        export_limit_w: Agreed limit of the connection point [W]; inf = none.
        import_limit_w: Agreed limit of the connection point [W], >= 0; inf = none.
    """

    kind: Int16
    max_w: Float64
    max_charge_w: Float64
    max_va: Float64
    max_var_injected: Float64
    max_var_absorbed: Float64
    min_soc_pct: Float64
    max_soc_pct: Float64
    export_limit_w: Float64
    import_limit_w: Float64


@dataclass(frozen=True, slots=True)
class PresentState:
    """What a device says about itself now, all [n]; NaN = it does not say.

    Attributes:
        p_w: Measured active power [W].
        available_w: Power it could inject now if nothing held it back; of loads minus what
            they would draw [W].
        soc_pct: State of charge [%].
        able: False where the device is disconnected or in fault.
    """

    p_w: Float64
    available_w: Float64
    soc_pct: Float64
    able: Bool


def active_power_bounds(cap: Capability, now: PresentState) -> tuple[Float64, Float64]:
    """Return the least and the greatest active power each device can be asked for now.

    PV and wind: from nothing to what sun and wind give, the rating when the device does not
    say. Batteries: the full range, cut at the state-of-charge bounds; one that does not tell
    its charge guards itself. EV chargers and loads: from what they draw, or would draw if not
    held back, to nothing. Gensets: from nothing to the rating. Others: the full range.

    Returns:
        Bounds [W], low <= high, low <= 0 <= high; both 0 where a device is not able.
    """
    kind = cap.kind
    renewable = (kind == KindCode.PV) | (kind == KindCode.WIND)
    demand_only = (kind == KindCode.LOAD) | (kind == KindCode.EV_CHARGER)
    battery = kind == KindCode.BATTERY

    given = np.where(np.isnan(now.available_w), np.inf, np.maximum(now.available_w, 0.0))
    high = np.where(renewable, np.minimum(cap.max_w, given), cap.max_w)
    high = np.where(demand_only | (battery & (now.soc_pct <= cap.min_soc_pct)), 0.0, high)

    drawn = np.where(np.isnan(now.available_w), now.p_w, now.available_w)
    demand = np.where(np.isnan(drawn), np.inf, np.maximum(-drawn, 0.0))
    absorb = np.where(demand_only, np.minimum(cap.max_charge_w, demand), cap.max_charge_w)
    no_absorb = renewable | (kind == KindCode.GENSET)
    absorb = np.where(no_absorb | (battery & (now.soc_pct >= cap.max_soc_pct)), 0.0, absorb)

    high = np.where(now.able, np.minimum(high, cap.export_limit_w), 0.0)
    low = np.where(now.able, -np.minimum(absorb, cap.import_limit_w), 0.0)
    return low + 0.0, high  # + 0.0 turns -0.0 into 0.0


def reactive_power_bounds(cap: Capability, p_w: Float64, able: Bool) -> tuple[Float64, Float64]:
    """Return the least and the greatest reactive power at a given active power.

    What is left of the apparent-power circle, and not more than the reactive settings.

    Args:
        cap: Capabilities [n].
        p_w: Active power at the same time [W]; NaN counts as 0.
        able: False where the device is disconnected or in fault.

    Returns:
        Bounds [var], low <= 0 <= high.
    """
    p = np.nan_to_num(p_w, nan=0.0)
    # (S-P)(S+P) instead of S²-P²: no cancellation when P is close to S; a root of each factor:
    # no underflow, whatever the ratings.
    left = np.sqrt(np.maximum(cap.max_va - np.abs(p), 0.0)) * np.sqrt(cap.max_va + np.abs(p))
    high = np.where(able, np.minimum(cap.max_var_injected, left), 0.0)
    low = np.where(able, -np.minimum(cap.max_var_absorbed, left), 0.0)
    return low + 0.0, high
