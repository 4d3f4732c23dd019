"""What another party says of its own group, as services and doors hand it around.

Source: IEC 61968-5 DERGroupStatuses; that it is never taken for a measurement is ours.
"""

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToldValue:
    """One quantity; W, var, VA, V or W/s, positive = injection, None = not told.

    Attributes:
        parameter: DERParameterKind.
        at: When it was so, by the party's clock.
        nominal: The present value.
        high: Greatest reachable.
        low: Least reachable.
        installed_max: By the ratings.
        installed_min: By the ratings.
    """

    parameter: str
    at: dt.datetime
    nominal: float | None = None
    high: float | None = None
    low: float | None = None
    installed_max: float | None = None
    installed_min: float | None = None


@dataclass(frozen=True, slots=True)
class ToldGroup:
    """A status as a party told it.

    Attributes:
        values: At least one.
        state: Its word for how the group is, e.g. `Online`; may be empty.
        reason: Its reason; may be empty.
    """

    values: tuple[ToldValue, ...]
    state: str = ""
    reason: str = ""

    @property
    def at(self) -> dt.datetime:
        """The newest instant of the values."""
        return max(value.at for value in self.values)


def is_old(at: dt.datetime, received_at: dt.datetime, now: dt.datetime, limit_s: float) -> bool:
    """Say whether what was told counts no more: by the party's clock or by ours.

    Args:
        at: When it was so, by the party's clock; one that runs ahead makes nothing younger.
        received_at: When we heard it.
        now: Present instant.
        limit_s: How long it counts [s].
    """
    return (now - min(at, received_at)).total_seconds() > limit_s
