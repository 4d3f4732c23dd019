"""Dispatches, their samples and their timeline, in the scope of who asks."""

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any

import numpy as np
from django.db.models import QuerySet

from derms.accounts.rules.grants import granted_groups, require_granted
from derms.accounts.scopes import sees_sandbox, visible_organisations
from derms.core.actors import Actor
from derms.core.errors import NotFoundError
from dispatch.models import DispatchEvent, DispatchSample, GroupDispatch
from dispatch.rules.dispatch_states import OPEN, TERMINAL
from groups.selectors import list_groups, sandbox_mrids

MAX_SAMPLES = 2000
NOUN = "DERGroupDispatches"
_FIELDS = (
    "mrid",
    "name",
    "group_mrid",
    "group_name",
    "parameter",
    "curve_style",
    "start_at",
    "end_at",
    "interval_s",
    "values",
    "journal_key",
    "priority",
    "allow_partial",
    "end_behaviour",
    "comment",
    "state",
    "tracking",
    "state_reason",
    "deliverable",
    "superseded_by",
    "revision",
    "target_now",
    "commanded_now",
    "measured_now",
    "headroom_now",
    "members",
    "members_delivering",
    "members_limited",
    "members_silent",
    "requested_by",
    "source",
    "created_at",
    "activated_at",
    "first_tracked_at",
    "ended_at",
)


def _visible(actor: Actor) -> QuerySet[GroupDispatch]:
    rows = GroupDispatch.objects.defer("memory").order_by("-id")
    if visible_organisations(actor) is not None:
        groups = list_groups(actor=actor, noun=NOUN)
        return rows.filter(group_mrid__in=groups.values("mrid"))
    return rows if sees_sandbox(actor) else rows.exclude(group_mrid__in=sandbox_mrids())


def list_dispatches(
    *,
    actor: Actor,
    states: frozenset[str] | None = None,
    group_mrid: str | None = None,
    origins: Collection[uuid.UUID] = (),
) -> QuerySet[GroupDispatch]:
    """Return the dispatches of the groups the actor may see, the newest first.

    Args:
        actor: Who asks.
        states: Only these states; None = all.
        group_mrid: Only of this group; None = all, without the sandbox's for who sees more.
        origins: Only those with one of these origins in the journal of commands; () = all.
    """
    rows = _visible(actor)
    granted = granted_groups(actor, NOUN, "get")
    if granted is not None:
        rows = rows.filter(group_mrid__in=granted)
    if origins:
        rows = rows.filter(journal_key__in=origins)
    elif group_mrid is None and visible_organisations(actor) is None:
        rows = rows.exclude(group_mrid__in=sandbox_mrids())
    if states is not None:
        rows = rows.filter(state__in=states)
    return rows if group_mrid is None else rows.filter(group_mrid=group_mrid)


def list_open(*, actor: Actor) -> QuerySet[GroupDispatch]:
    """Return the dispatches that have not ended."""
    return list_dispatches(actor=actor, states=frozenset(OPEN))


def list_recent(*, actor: Actor, ended: int = 100) -> list[GroupDispatch]:
    """Return the open dispatches and the last ones that ended, the newest first."""
    rows = [*list_open(actor=actor)]
    rows += list_dispatches(actor=actor, states=frozenset(TERMINAL))[:ended]
    return sorted(rows, key=lambda row: -row.pk)


def visible_groups(mrids: set[str], *, actor: Actor) -> set[str]:
    """Return which of these groups have their dispatches in the lists of the actor."""
    if visible_organisations(actor) is None:
        granted = granted_groups(actor, NOUN, "get")
        mine = mrids if granted is None else mrids & granted
        return mine - set(sandbox_mrids().filter(mrid__in=mine))
    groups = list_groups(actor=actor, noun=NOUN).filter(mrid__in=mrids)
    return set(groups.values_list("mrid", flat=True))


def get_dispatch(mrid: str, *, actor: Actor, verb: str = "get") -> GroupDispatch:
    """Return one dispatch, if the actor may do to it what it wants to.

    Args:
        mrid: The dispatch.
        actor: Who asks.
        verb: What is to be done: `get` or `cancel`.

    Raises:
        NotFoundError: no such dispatch, or not of a group the actor may see.
        ForbiddenError: no grant of the actor allows it (CIM 7.5).
    """
    row = _visible(actor).filter(mrid=mrid).first()
    if row is None:
        raise NotFoundError(
            f"There is no dispatch {mrid}.", code="unknown_dispatch", mrid=mrid, cim_code="2.9"
        )
    require_granted(actor, NOUN, verb, row.group_mrid)
    return row


def dispatch_row(row: GroupDispatch) -> dict[str, Any]:
    """Return a dispatch as browsers and live topics show it."""
    return {name: getattr(row, name) for name in _FIELDS}


def samples(
    row: GroupDispatch, *, start_at: dt.datetime | None = None, end_at: dt.datetime | None = None
) -> list[dict[str, Any]]:
    """Return at most MAX_SAMPLES samples, evenly thinned, oldest first."""
    found = DispatchSample.objects.filter(dispatch=row)
    if start_at is not None:
        found = found.filter(at__gte=start_at)
    if end_at is not None:
        found = found.filter(at__lt=end_at)
    names = ("at", "target", "commanded", "measured", "headroom")
    rows: list[dict[str, Any]] = [*map(dict, found.order_by("at").values(*names))]
    if len(rows) <= MAX_SAMPLES:
        return rows
    keep = np.linspace(0, len(rows) - 1, MAX_SAMPLES).astype(int)
    return [rows[k] for k in keep]


def events(row: GroupDispatch) -> list[dict[str, Any]]:
    """Return the timeline of a dispatch, oldest first."""
    found = DispatchEvent.objects.filter(dispatch=row).order_by("id")
    return [*map(dict, found.values("at", "kind", "text", "actor_name"))]
