"""Facts the dispatch room announces."""

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
