"""The life of a group dispatch: which state may follow which.

`scheduled -> active -> ending -> completed`; cancelled, superseded and failed end it early,
expired ends one whose window passed before it could start. Terminal states have no next.
"""

from collections.abc import Mapping

from dispatch.choices import DispatchState

NEXT: Mapping[DispatchState, frozenset[DispatchState]] = {
    DispatchState.SCHEDULED: frozenset(
        {
            DispatchState.ACTIVE,
            DispatchState.CANCELLED,
            DispatchState.SUPERSEDED,
            DispatchState.EXPIRED,
            DispatchState.FAILED,
        }
    ),
    DispatchState.ACTIVE: frozenset(
        {
            DispatchState.ENDING,
            DispatchState.CANCELLED,
            DispatchState.SUPERSEDED,
            DispatchState.FAILED,
        }
    ),
    DispatchState.ENDING: frozenset({DispatchState.COMPLETED}),
    DispatchState.COMPLETED: frozenset(),
    DispatchState.CANCELLED: frozenset(),
    DispatchState.SUPERSEDED: frozenset(),
    DispatchState.EXPIRED: frozenset(),
    DispatchState.FAILED: frozenset(),
}

OPEN = frozenset(state for state, following in NEXT.items() if following)
TERMINAL = frozenset(NEXT) - OPEN


def may_follow(old: DispatchState, new: DispatchState) -> bool:
    """Tell whether `new` is an allowed next state of `old`."""
    return new in NEXT[old]


def sources_of(new: DispatchState) -> frozenset[DispatchState]:
    """Return the states from which `new` may be entered; the `old` of a compare-and-set."""
    return frozenset(old for old, following in NEXT.items() if new in following)
