"""What every step of a control leaves behind: state, audit record, facts, live row, alarm."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F

from derms.alarms.choices import Priority
from derms.alarms.services import clear_alarm, raise_alarm
from derms.audit import services as audit
from derms.core import clock
from derms.core.actors import SYSTEM, Actor
from derms.core.quantities import power_text
from derms.events.services import publish
from derms.live.services import push_ticks
from dispatch.choices import ControlAction, ControlState, DeviceOutcome
from dispatch.events import ControlChanged, DevicesSwitched, SwitchedDevice
from dispatch.models import ControlledDevice, EndDeviceControl
from dispatch.rules.control_states import TERMINAL, sources_of
from dispatch.selectors.controls import control_row

OBJECT_TYPE = "EndDeviceControl"
WAITING_ALARM = "control_awaiting_release"
_CHUNK = 100


def title_of(row: EndDeviceControl) -> str:
    """Say for people what a control does: `disconnect FEEDER 7, 1.20 MW`."""
    return f"{row.action} {row.target}, {power_text(row.rated_w)}"


def announce(row: EndDeviceControl) -> None:
    """Publish the state of a control as a fact, and show it to browsers on commit."""
    publish(
        ControlChanged(
            mrid=row.mrid,
            group_mrids=tuple(row.group_mrids),
            action=row.action,
            state=row.state,
            reason=row.state_reason,
        )
    )
    show(row)


def show(row: EndDeviceControl) -> None:
    """Show a control to browsers on commit."""
    shown = control_row(row)
    transaction.on_commit(
        lambda: push_ticks([("controls", [shown]), (f"control:{row.mrid}", shown)])
    )


def warn_of_waiting(row: EndDeviceControl) -> None:
    """Raise the alarm that tells of a control waiting for a second person."""
    raise_alarm(
        kind=WAITING_ALARM,
        priority=Priority.HIGH,
        source_type=OBJECT_TYPE,
        source_mrid=row.mrid,
        source_name=title_of(row),
        condition=f"{row.requested_by} asks to {title_of(row)}: {row.devices} devices. "
        "A second person must release it.",
        response="Release or reject the control before it expires.",
    )


def change_control(
    row: EndDeviceControl,
    new: ControlState,
    *,
    reason: str,
    actor: Actor = SYSTEM,
    expected_revision: int | None = None,
    **fields: Any,
) -> bool:
    """Move a control to another state by compare-and-set, with all that belongs to it.

    Args:
        row: The control; refreshed when the change took place.
        new: State to enter.
        reason: Why, for people.
        actor: Who caused it.
        expected_revision: Only when it still has this revision; None = whatever it has.
        **fields: Further columns to set with it.

    Returns:
        False when the state is no longer one `new` may follow: somebody else was first.
    """
    old, now = row.state, clock.now()
    values = {"state": new, "state_reason": reason[:300], "modified_at": now, **fields}
    if new in TERMINAL:
        values.setdefault("ended_at", now)
    with transaction.atomic():
        same = EndDeviceControl.objects.filter(pk=row.pk, state__in=sources_of(new))
        if expected_revision is not None:
            same = same.filter(revision=expected_revision)
        if not same.update(revision=F("revision") + 1, **values):
            return False
        row.refresh_from_db()
        clear_alarm(kind=WAITING_ALARM, source_type=OBJECT_TYPE, source_mrid=row.mrid)
        audit.record(
            action=f"control.{new}",
            object_type=OBJECT_TYPE,
            object_mrid=row.mrid,
            before={"state": old},
            after={
                "state": new,
                "reason": reason,
                "devices": row.devices,
                "done": row.done,
                "failed": row.failed,
                "unknown": row.unknown,
            },
            actor=actor,
        )
        announce(row)
    return True


def give_up_devices(row: EndDeviceControl, *, reason: str) -> None:
    """Write down that nothing was done to the devices of a control that ended before its start.

    Who asked by message hears of every device; who asked at a screen sees the control.
    """
    now = clock.now()
    devices = ControlledDevice.objects.filter(control=row, outcome=DeviceOutcome.PENDING)
    told = list(devices.values_list("mrid", "name"))
    devices.update(outcome=DeviceOutcome.FAILED, detail=reason[:200], settled_at=now)
    EndDeviceControl.objects.filter(pk=row.pk).update(failed=len(told))
    row.failed = len(told)
    if row.message_correlation_id:
        switched = [SwitchedDevice(mrid, name, reason[:200]) for mrid, name in told]
        tell_devices(row, ControlAction(row.action), switched, done=False, at=now)


def tell_devices(
    row: EndDeviceControl,
    action: ControlAction,
    devices: Sequence[SwitchedDevice],
    *,
    done: bool,
    at: dt.datetime,
) -> None:
    """Publish what became of devices, a hundred in one fact."""
    for first in range(0, len(devices), _CHUNK):
        publish(
            DevicesSwitched(
                control_mrid=row.mrid,
                group_mrids=tuple(row.group_mrids),
                action=action,
                done=done,
                settled_at=at,
                correlation_id=row.message_correlation_id,
                issuer_id=row.issuer_id,
                issuer_tracking_id=row.issuer_tracking_id,
                devices=tuple(devices[first : first + _CHUNK]),
            )
        )
