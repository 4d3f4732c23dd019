"""What a connect or disconnect control asks for, and when a second person must release it.

Source: IEC 61968-9 EndDeviceControl; the limits are ours (docs/adr/0034).
"""

import datetime as dt
from dataclasses import dataclass, field

from dispatch.choices import ControlAction
from groups.rules.definition import GroupKey, MemberKeys


@dataclass(frozen=True, slots=True)
class ControlData:
    """Connect or disconnect groups, single devices, or both.

    Attributes:
        action: Connect or disconnect.
        groups: Whole groups, by mRID or names.
        devices: Single devices, by mRID or name.
        reason: Why, for people; may be empty.
        start_at: When, aware; None = now.
        duration_s: After this time the devices go back [s]; None = they stay.
        mrid: Given mRID; empty = the server chooses.
        issuer_id: Who issued it, as the client says.
        issuer_tracking_id: The client's own number for it.
        correlation_id: Of the message that asked for it; empty without one.
    """

    action: ControlAction
    groups: tuple[GroupKey, ...] = ()
    devices: MemberKeys = field(default_factory=MemberKeys)
    reason: str = ""
    start_at: dt.datetime | None = None
    duration_s: float | None = None
    mrid: str = ""
    issuer_id: str = ""
    issuer_tracking_id: str = ""
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseLimits:
    """What one control may touch without a second person.

    Attributes:
        rated_w: Sum of ratings [W].
        devices: Number of devices.
    """

    rated_w: float
    devices: int

    def exceeded_by(self, *, rated_w: float, devices: int) -> bool:
        """Say whether a control of this size must be released by a second person."""
        return rated_w > self.rated_w or devices > self.devices
