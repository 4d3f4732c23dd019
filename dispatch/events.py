"""Facts the dispatch room announces."""

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class DispatchAccepted:
    """A dispatch was accepted and waits for its start."""

    topic: ClassVar[str] = "dispatch.dispatch_accepted"
    mrid: str
    group_mrid: str


@dataclass(frozen=True, slots=True)
class DispatchChanged:
    """The state of a dispatch, or how it tracks its target, changed.

    Attributes:
        mrid: The dispatch.
        group_mrid: Its group.
        state: `choices.DispatchState` it is in now.
        tracking: `choices.TrackingState` it is in now.
        reason: Why, for people.
    """

    topic: ClassVar[str] = "dispatch.dispatch_changed"
    mrid: str
    group_mrid: str
    state: str
    tracking: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ControlChanged:
    """The state of an end device control changed.

    Attributes:
        mrid: The control.
        group_mrids: Groups it is about; none when it names single devices.
        action: `choices.ControlAction`.
        state: `choices.ControlState` it is in now.
        reason: Why, for people.
    """

    topic: ClassVar[str] = "dispatch.control_changed"
    mrid: str
    group_mrids: tuple[str, ...]
    action: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SwitchedDevice:
    """One device whose outcome is known.

    Attributes:
        mrid: The device.
        name: Its name.
        detail: What went wrong; empty when nothing did.
    """

    mrid: str
    name: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DevicesSwitched:
    """Devices of a control were connected or disconnected, or could not be.

    Attributes:
        control_mrid: The control.
        group_mrids: Groups it is about.
        action: `choices.ControlAction` that was tried.
        done: True when the devices did it.
        settled_at: When that was learnt.
        correlation_id: Of the CIM message that asked for it; empty for other doors.
        issuer_id: Given by that message.
        issuer_tracking_id: Given by that message.
        devices: At most 100.
    """

    topic: ClassVar[str] = "dispatch.devices_switched"
    control_mrid: str
    group_mrids: tuple[str, ...]
    action: str
    done: bool
    settled_at: dt.datetime
    correlation_id: str
    issuer_id: str
    issuer_tracking_id: str
    devices: tuple[SwitchedDevice, ...]
