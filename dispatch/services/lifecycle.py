"""Steps of a dispatch besides its acceptance: start, cancel, supersede, end, expire, fail."""

import uuid

from django.db import transaction
from django.db.models import F

from derms.alarms.services import clear_alarm
from derms.core import clock
from derms.core.actors import SYSTEM, Actor
from derms.core.errors import RuleViolationError
from derms.core.failpoints import pass_through
from derms.southbound.contract import CommandState
from derms.southbound.selectors import latest_commands
from dispatch.choices import DispatchState, EndBehaviour, TrackingState
from dispatch.models import GroupDispatch
from dispatch.rules.precedence import Rank
from dispatch.selectors.dispatches import get_dispatch
from dispatch.services.records import change_state, note
from dispatch.services.releasing import release

SHORTFALL_ALARM = "dispatch_shortfall"
SOURCE_TYPE = "DERGroupDispatch"
_ENDING_S = 30.0
_OPEN_COMMANDS = (
    CommandState.QUEUED,
    CommandState.LEASED,
    CommandState.DELIVERED,
    CommandState.ACKNOWLEDGED,
    CommandState.UNKNOWN,
)
_FAILURES = ("rejected", "failed", "expired")


def rank_of(row: GroupDispatch) -> Rank:
    """Return how strong a dispatch is against others."""
    return Rank.of(row.priority, row.pk)


def _let_go(row: GroupDispatch, *, actor: Actor = SYSTEM) -> None:
    clear_alarm(kind=SHORTFALL_ALARM, source_type=SOURCE_TYPE, source_mrid=row.mrid)
    release(row, actor=actor)


def activate(row: GroupDispatch) -> bool:
    """Start a scheduled dispatch; weaker ones of its group and parameter are superseded."""
    with transaction.atomic():
        if not change_state(
            row, DispatchState.ACTIVE, reason="The start time has come.", activated_at=clock.now()
        ):
            return False
        rivals = GroupDispatch.objects.select_for_update().filter(
            group_mrid=row.group_mrid,
            parameter=row.parameter,
            state__in=[DispatchState.SCHEDULED, DispatchState.ACTIVE],
            start_at__lt=row.end_at,
            end_at__gt=row.start_at,
        )
        for rival in rivals.exclude(pk=row.pk).order_by("pk"):
            if rank_of(rival) > rank_of(row):
                supersede(rival, by=row)
        pass_through("dispatch.activated")
    return True


def supersede(row: GroupDispatch, *, by: GroupDispatch) -> bool:
    """End a dispatch in favour of a stronger one, and tell who asked for it."""
    why = "of higher priority" if by.priority < row.priority else "asked for later"
    reason = f"Superseded by dispatch {by.name or by.mrid} of {by.group_name}, {why}."
    with transaction.atomic():
        if not change_state(row, DispatchState.SUPERSEDED, reason=reason, superseded_by=by.mrid):
            return False
        _let_go(row)
    return True


def cancel_dispatch(*, mrid: str, reason: str, actor: Actor) -> GroupDispatch:
    """Cancel a scheduled or active dispatch; its devices go back to their own control.

    Args:
        mrid: The dispatch.
        reason: Why; may be empty.
        actor: Who cancels.

    Raises:
        NotFoundError: no such dispatch in the actor's scope.
        RuleViolationError: it has ended already.
    """
    row = get_dispatch(mrid, actor=actor, verb="cancel")
    why = f"Cancelled by {actor.name}" + (f": {reason}" if reason else ".")
    with transaction.atomic():
        if change_state(row, DispatchState.CANCELLED, reason=why, actor=actor):
            _let_go(row, actor=actor)
            return row
    row.refresh_from_db()
    raise RuleViolationError(
        f"The dispatch is {row.state} and cannot be cancelled.",
        code="dispatch_ended", state=row.state, object_type=SOURCE_TYPE,
    )  # fmt: skip


def finish(row: GroupDispatch) -> bool:
    """End a dispatch whose schedule is over, as its end behaviour says."""
    holds = row.end_behaviour == EndBehaviour.HOLD
    reason = "The schedule is over; " + (
        "devices hold until their reversion time." if holds else "devices are released."
    )
    with transaction.atomic():
        if not change_state(row, DispatchState.ENDING, reason=reason):
            return False
        if holds:
            clear_alarm(kind=SHORTFALL_ALARM, source_type=SOURCE_TYPE, source_mrid=row.mrid)
        else:
            _let_go(row)
        pass_through("dispatch.ended")
    return True


def complete(row: GroupDispatch) -> bool:
    """Complete a dispatch that is ending, once its last commands are settled or late."""
    late = (clock.now() - row.modified_at).total_seconds() > _ENDING_S
    waiting = 0
    if row.end_behaviour == EndBehaviour.RELEASE:
        commands = latest_commands(row.journal_key)
        last = commands.revision == row.revision
        waiting = sum(int((commands.state[last] == state).sum()) for state in _OPEN_COMMANDS)
    if waiting and not late:
        return False
    reason = f"{waiting} devices did not confirm their release." if waiting else "Completed."
    return change_state(row, DispatchState.COMPLETED, reason=reason, tracking=TrackingState.NONE)


def expire(row: GroupDispatch) -> bool:
    """End a dispatch that could not start before its window was over."""
    return change_state(
        row, DispatchState.EXPIRED, reason="The window passed before it could be started."
    )


def fail(row: GroupDispatch, *, reason: str) -> bool:
    """End a dispatch that cannot go on."""
    with transaction.atomic():
        if not change_state(row, DispatchState.FAILED, reason=reason):
            return False
        _let_go(row)
    return True


def end_of_group(*, group_mrid: str) -> int:
    """Fail the open dispatches of a group that was deleted; return how many."""
    rows = GroupDispatch.objects.filter(
        group_mrid=group_mrid, state__in=[DispatchState.SCHEDULED, DispatchState.ACTIVE]
    ).order_by("pk")
    return sum(fail(row, reason="The group was deleted.") for row in rows)


def settle(*, origin: str, revision: int, counts: dict[str, int]) -> None:
    """Take note of what became of a batch of commands.

    Only failures matter here: the closed loop then reads the journal again, counts those members
    as they measure, and gives their share to others.

    Args:
        origin: Journal key of a dispatch; other origins are not ours.
        revision: Revision of the commands.
        counts: Commands by state.
    """
    failed = {name: counts[name] for name in _FAILURES if counts.get(name)}
    if not failed:
        return
    row = GroupDispatch.objects.filter(journal_key=uuid.UUID(origin)).first()
    if row is None:
        return
    GroupDispatch.objects.filter(pk=row.pk).update(settlement=F("settlement") + 1)
    what = ", ".join(f"{count} {name}" for name, count in failed.items())
    note(row, "commands_failed", f"Commands of revision {revision}: {what}.")
