"""What every step of a dispatch leaves behind: state, timeline, audit record, fact, live row."""

from typing import Any

from django.db import transaction
from django.db.models import F

from derms.audit import services as audit
from derms.core import clock
from derms.core.actors import SYSTEM, Actor
from derms.core.quantities import power_text
from derms.events.services import publish
from derms.live.services import push_ticks
from dispatch.choices import DispatchState, unit_of
from dispatch.events import DispatchChanged
from dispatch.models import DispatchEvent, GroupDispatch
from dispatch.rules.dispatch_states import TERMINAL, sources_of
from dispatch.selectors.dispatches import dispatch_row


def note(row: GroupDispatch, kind: str, text: str, *, actor: Actor = SYSTEM) -> None:
    """Add an entry to the timeline of a dispatch."""
    DispatchEvent.objects.create(
        dispatch=row, at=clock.now(), kind=kind, text=text[:300], actor_name=actor.name
    )


def power_of(row: GroupDispatch, value: float) -> str:
    """Write a value of the dispatched parameter for people."""
    return power_text(value, unit_of(row.parameter))


def announce(row: GroupDispatch) -> None:
    """Publish the state of a dispatch as a fact, and show it to browsers on commit."""
    publish(
        DispatchChanged(
            mrid=row.mrid,
            group_mrid=row.group_mrid,
            state=row.state,
            tracking=row.tracking,
            reason=row.state_reason,
        )
    )
    shown = dispatch_row(row)
    transaction.on_commit(
        lambda: push_ticks([("dispatches", [shown]), (f"dispatch:{row.mrid}", {"dispatch": shown})])
    )


def change_state(
    row: GroupDispatch, new: DispatchState, *, reason: str, actor: Actor = SYSTEM, **fields: Any
) -> bool:
    """Move a dispatch to another state by compare-and-set, with all that belongs to it.

    Every change of state takes the next revision, so a round of the closed loop that was worked
    out before it can no longer journal its commands.

    Args:
        row: The dispatch; refreshed when the change took place.
        new: State to enter.
        reason: Why, for people.
        actor: Who caused it.
        **fields: Further columns to set with it.

    Returns:
        False when the state is no longer one `new` may follow: somebody else was first.
    """
    old, now = row.state, clock.now()
    values = {"state": new, "state_reason": reason[:300], "modified_at": now, **fields}
    if new in TERMINAL:
        values.setdefault("ended_at", now)
    with transaction.atomic():
        changed = GroupDispatch.objects.filter(pk=row.pk, state__in=sources_of(new)).update(
            revision=F("revision") + 1, **values
        )
        if not changed:
            return False
        row.refresh_from_db()
        note(row, str(new), reason, actor=actor)
        audit.record(
            action=f"dispatch.{new}",
            object_type="DERGroupDispatch",
            object_mrid=row.mrid,
            before={"state": old},
            after={"state": new, "reason": reason, "group": row.group_mrid},
            actor=actor,
        )
        announce(row)
    return True
