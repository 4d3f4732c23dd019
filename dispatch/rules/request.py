"""What a dispatch asks for, as the doors hand it to the services."""

import datetime as dt
from dataclasses import dataclass

from dispatch.choices import CurveStyle, DerParameter, EndBehaviour
from groups.rules.definition import GroupKey

MAX_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class DispatchData:
    """One parameter of one group over one schedule.

    Attributes:
        group: mRID or names of the group.
        parameter: DERParameterKind.
        interval_s: Length of every interval [s].
        values: W or var, positive = injection; N for constant, N + 1 for straight lines.
        curve_style: How values between points are read.
        start_at: Start of the first interval, aware; None = now.
        priority: 1 (highest) to 5.
        allow_partial: Do what can be done when not all can be delivered.
        end_behaviour: Release the devices at the end, or let them hold.
        name: Given name, may be empty.
        comment: Given reason, may be empty.
        mrid: Given mRID; empty = the server chooses.
    """

    group: GroupKey
    parameter: str
    interval_s: float
    values: tuple[float, ...]
    curve_style: str = CurveStyle.CONSTANT
    start_at: dt.datetime | None = None
    priority: int = 3
    allow_partial: bool = True
    end_behaviour: str = EndBehaviour.RELEASE
    name: str = ""
    comment: str = ""
    mrid: str = ""

    @property
    def reactive(self) -> bool:
        """True for reactive power."""
        return self.parameter == DerParameter.REACTIVE_POWER
