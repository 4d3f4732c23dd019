"""Connect and disconnect controls and what became of each device, in the scope of who asks."""

import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import F, Q, QuerySet

from derms.accounts.rules.grants import granted_groups
from derms.accounts.scopes import SANDBOX_MRID, sees_sandbox, visible_organisations
from derms.core.actors import Actor
from derms.core.errors import ForbiddenError, NotFoundError
from derms.devices.selectors import list_devices
from dispatch.models import ControlledDevice, EndDeviceControl
from dispatch.rules.control_states import OPEN, TERMINAL

NOUN = "EndDeviceControls"
_FIELDS = (
    "mrid",
    "journal_key",
    "action",
    "group_mrids",
    "group_names",
    "target",
    "reason",
    "issuer_id",
    "issuer_tracking_id",
    "start_at",
    "duration_s",
    "state",
    "state_reason",
    "revision",
    "phase",
    "devices",
    "rated_w",
    "done",
    "failed",
    "unknown",
    "needs_release",
    "release_until",
    "decided_by",
    "decided_at",
    "requested_by",
    "requested_by_mrid",
    "source",
    "message_correlation_id",
    "created_at",
    "started_at",
    "end_at",
    "ended_at",
)


def _visible(actor: Actor) -> QuerySet[EndDeviceControl]:
    """Return the controls that touch no device outside what the actor may see."""
    rows = EndDeviceControl.objects.order_by("-id")
    organisations = visible_organisations(actor)
    if organisations is None:
        return rows if sees_sandbox(actor) else _without_sandbox(rows)
    own = list_devices(visible=organisations).order_by().values("pk")
    others = ControlledDevice.objects.exclude(device_id__in=own)
    return rows.exclude(pk__in=others.values("control"))


def _without_sandbox(rows: QuerySet[EndDeviceControl]) -> QuerySet[EndDeviceControl]:
    # No control mixes devices of both sides, so one device tells.
    there = list_devices(visible={SANDBOX_MRID}).order_by().values("mrid")
    return rows.exclude(pk__in=ControlledDevice.objects.filter(mrid__in=there).values("control"))


def _listed(actor: Actor) -> QuerySet[EndDeviceControl]:
    """Return the visible controls that may be read; without the sandbox's for who sees more."""
    rows = _visible(actor).filter(_granted(actor, "get"))
    return rows if visible_organisations(actor) is not None else _without_sandbox(rows)


def _granted(actor: Actor, verb: str) -> Q:
    """Return the condition of the controls to which an actor may do something.

    With grants: those of groups it is granted and of no device beside, and its own requests.
    """
    granted = granted_groups(actor, NOUN, verb)
    if granted is None:
        return Q()
    if not granted:
        return Q(pk__in=())
    of_groups = Q(group_mrids__contained_by=sorted(granted), group_members=F("devices"))
    return of_groups | Q(requested_by_mrid=actor.mrid)


def list_controls(
    *,
    actor: Actor,
    states: frozenset[str] | None = None,
    group_mrid: str = "",
    device_mrid: str = "",
    action: str = "",
    origins: Collection[uuid.UUID] = (),
) -> QuerySet[EndDeviceControl]:
    """Return the controls the actor may see, the newest first, narrowed by what is given.

    Args:
        actor: Who asks.
        states: Only these states; None = all.
        group_mrid: Only those of this group; the sandbox's only by group or device.
        device_mrid: Only those that touch this device.
        action: Only these: `connect` or `disconnect`.
        origins: Only those with one of these origins in the journal of commands; () = all.
    """
    named = group_mrid or device_mrid or origins
    rows = _visible(actor).filter(_granted(actor, "get")) if named else _listed(actor)
    if states is not None:
        rows = rows.filter(state__in=states)
    if group_mrid:
        rows = rows.filter(group_mrids__contains=[group_mrid])
    if device_mrid:
        touching = ControlledDevice.objects.filter(mrid=device_mrid).values("control")
        rows = rows.filter(pk__in=touching)
    if origins:
        rows = rows.filter(journal_key__in=origins)
    return rows.filter(action=action) if action else rows


def list_recent_controls(*, actor: Actor, ended: int = 100) -> list[EndDeviceControl]:
    """Return the open controls and the last ones that ended, the newest first."""
    rows = [*list_controls(actor=actor, states=frozenset(OPEN))]
    rows += list_controls(actor=actor, states=frozenset(TERMINAL))[:ended]
    return sorted(rows, key=lambda row: -row.pk)


def visible_controls(mrids: set[str], *, actor: Actor) -> set[str]:
    """Return which of these controls are in the lists of the actor."""
    return set(_listed(actor).filter(mrid__in=mrids).values_list("mrid", flat=True))


def get_control(mrid: str, *, actor: Actor, verb: str = "get") -> EndDeviceControl:
    """Return one control, if the actor may do to it what it wants to.

    Args:
        mrid: The control.
        actor: Who asks.
        verb: What is to be done: `get` or `cancel`; people alone release and reject.

    Raises:
        NotFoundError: no such control, or not one the actor may see.
        ForbiddenError: no grant of the actor allows it (CIM 7.5).
    """
    row = _visible(actor).filter(mrid=mrid).first()
    if row is None:
        raise NotFoundError(
            f"There is no control {mrid}.", code="unknown_control", mrid=mrid, cim_code="2.9"
        )
    if actor.grants and not _visible(actor).filter(_granted(actor, verb), pk=row.pk).exists():
        raise ForbiddenError(
            f"{actor.name} may not {verb} this control",
            code="not_granted", object_type="EndDeviceControl", id_kind="uuid", id=mrid,
        )  # fmt: skip
    return row


def control_row(row: EndDeviceControl) -> dict[str, Any]:
    """Return a control as browsers and live topics show it."""
    return {name: getattr(row, name) for name in _FIELDS}


def list_controlled_devices(
    row: EndDeviceControl, *, outcome: str = ""
) -> QuerySet[ControlledDevice]:
    """Return the devices of a control, phase by phase, narrowed by outcome if one is given."""
    devices = ControlledDevice.objects.filter(control=row).order_by("id")
    return devices.filter(outcome=outcome) if outcome else devices
