"""What a forecast looks like to the doors."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from forecasting.choices import Method
from forecasting.rules.schedule import Schedule
from groups.selectors import Group


@dataclass(frozen=True, slots=True)
class Curve:
    """One quantity of one group over one schedule; W, var, VA or V, positive = injection.

    Attributes:
        schedule: The time axis.
        nominal: Expected values [schedule.points]; None = not known.
        high: Greatest reachable; None = not known.
        low: Least reachable; None = not known.
        confidence_pct: Trust in the values; None = the predictor does not say.
    """

    schedule: Schedule
    nominal: Sequence[float | None] | None
    high: Sequence[float | None] | None
    low: Sequence[float | None] | None
    confidence_pct: float | None


@dataclass(frozen=True, slots=True)
class ParameterForecast:
    """One quantity of one group.

    Attributes:
        parameter: DERParameterKind.
        installed_max: By the ratings of all members; None = not known.
        installed_min: By the ratings of all members; None = not known.
        curves: One for each schedule.
    """

    parameter: str
    installed_max: float | None
    installed_min: float | None
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True)
class GroupForecast:
    """What is expected of one group, and what that rests on.

    Attributes:
        group: The group.
        created_at: When it was predicted.
        method: How.
        basis: What that rests on, in words.
        parameters: One for each quantity asked for that the group speaks of; may be empty.
        members: How many members the group has that are devices of ours.
        good: Members whose readings count.
        stale: Members that are not counted because nothing good came from them lately.
        stale_last_w: What those last gave [W]; not part of any value.
    """

    group: Group
    created_at: dt.datetime
    method: Method
    basis: str
    parameters: tuple[ParameterForecast, ...]
    members: int
    good: int
    stale: int
    stale_last_w: float
