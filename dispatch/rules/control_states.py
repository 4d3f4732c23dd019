"""The life of an end device control: which state may follow which.

`awaiting_release -> scheduled -> executing -> completed | partly_failed | failed`. A control with
a duration goes through `holding -> restoring` before it ends. Terminal states have no next.
"""

from collections.abc import Mapping

from dispatch.choices import ControlState

_ENDS = {ControlState.COMPLETED, ControlState.PARTLY_FAILED, ControlState.FAILED}
NEXT: Mapping[ControlState, frozenset[ControlState]] = {
    ControlState.AWAITING_RELEASE: frozenset(
        {
            ControlState.SCHEDULED,
            ControlState.REJECTED,
            ControlState.CANCELLED,
            ControlState.EXPIRED,
            ControlState.FAILED,
        }
    ),
    ControlState.SCHEDULED: frozenset(
        {
            ControlState.EXECUTING,
            ControlState.CANCELLED,
            ControlState.EXPIRED,
            ControlState.FAILED,
        }
    ),
    ControlState.EXECUTING: frozenset({ControlState.HOLDING, *_ENDS}),
    ControlState.HOLDING: frozenset({ControlState.RESTORING, ControlState.CANCELLED}),
    ControlState.RESTORING: frozenset(_ENDS),
    ControlState.COMPLETED: frozenset(),
    ControlState.PARTLY_FAILED: frozenset(),
    ControlState.FAILED: frozenset(),
    ControlState.CANCELLED: frozenset(),
    ControlState.REJECTED: frozenset(),
    ControlState.EXPIRED: frozenset(),
}

OPEN = frozenset(state for state, following in NEXT.items() if following)
TERMINAL = frozenset(NEXT) - OPEN


def sources_of(new: ControlState) -> frozenset[ControlState]:
    """Return the states from which `new` may be entered; the `old` of a compare-and-set."""
    return frozenset(old for old, following in NEXT.items() if new in following)


def end_state(*, devices: int, done: int) -> ControlState:
    """Say how a phase ended of whose devices so many did what was asked."""
    if done == devices:
        return ControlState.COMPLETED
    return ControlState.PARTLY_FAILED if done else ControlState.FAILED
