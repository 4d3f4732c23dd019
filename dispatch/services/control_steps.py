"""Carry controls out: start, follow the journal, hold, put back, end.

Every step is a transaction that takes the next state by compare-and-set and journals its commands
with it, so a step killed anywhere happens not at all and is done by the next second's run. What
became of a command is read from the journal and written down once per device.
"""

import datetime as dt
import logging
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from derms.core import bulk, clock, correlation
from derms.core.actors import SYSTEM
from derms.core.failpoints import pass_through
from derms.southbound.contract import CommandKind, CommandState
from derms.southbound.selectors import list_outcomes
from derms.southbound.services import queue_commands
from dispatch.choices import ControlAction, ControlState, DeviceOutcome
from dispatch.events import SwitchedDevice
from dispatch.models import ControlledDevice, EndDeviceControl
from dispatch.rules.control_states import end_state
from dispatch.services.control_records import change_control, give_up_devices, show, tell_devices

_KINDS = {
    ControlAction.CONNECT: CommandKind.CONNECT,
    ControlAction.DISCONNECT: CommandKind.DISCONNECT,
}
_DONE = (CommandState.COMPLETED, CommandState.ACTIVE)
_RUNNING = (ControlState.EXECUTING, ControlState.RESTORING)
_NO_STATEMENT = "no statement of the device yet; it is still being asked"
_log = logging.getLogger(__name__)


def run_controls() -> int:
    """Do what is due for all controls; return how many were looked at."""
    now = clock.now()
    due = EndDeviceControl.objects.filter(
        Q(state=ControlState.AWAITING_RELEASE, release_until__lte=now)
        | Q(state=ControlState.SCHEDULED, start_at__lte=now)
        | Q(state__in=_RUNNING)
        | Q(state=ControlState.HOLDING, end_at__lte=now)
    ).order_by("pk")
    rows = list(due)
    for row in rows:
        with _isolated(row):
            _step(row)
    return len(rows)


@contextmanager
def _isolated(row: EndDeviceControl) -> Iterator[None]:
    """Keep the trouble of one control from the others; it is tried again next second."""
    correlation.bind(row.correlation_id or None)
    try:
        yield
    except Exception:  # noqa: BLE001 - the door of every control: one must not stop the rest
        _log.exception("control %s could not be carried out", row.mrid)


def _step(row: EndDeviceControl) -> None:
    if row.state == ControlState.AWAITING_RELEASE:
        _expire(row, "Nobody released it in time.")
    elif row.state == ControlState.SCHEDULED:
        _start(row)
    elif row.state == ControlState.HOLDING:
        _restore(row)
    else:
        _follow(row.pk)


def _expire(row: EndDeviceControl, reason: str) -> None:
    with transaction.atomic():
        if change_control(row, ControlState.EXPIRED, reason=reason):
            give_up_devices(row, reason=reason)


def _start(row: EndDeviceControl) -> None:
    now = clock.now()
    if now > row.start_at + _seconds(settings.CONTROL_VALID_S):
        _expire(row, "Its time passed before it could be started.")
        return
    end_at = None if row.duration_s is None else now + _seconds(row.duration_s)
    with transaction.atomic():
        if not change_control(
            row,
            ControlState.EXECUTING,
            reason=f"Commands go out to {row.devices} devices.",
            phase=1,
            started_at=now,
            deadline_at=now + _seconds(settings.CONTROL_DEADLINE_S),
            end_at=end_at,
        ):
            return
        pass_through("control.started")
        _send(row, ControlAction(row.action))
        pass_through("control.journaled")
    pass_through("control.committed")


def _seconds(seconds: float) -> dt.timedelta:
    return dt.timedelta(seconds=seconds)


_TAKE = """
INSERT INTO dispatch_deviceswitch AS old (device_id, control_id, phase, held_off, was_held_off)
SELECT device_id, control_id, phase, %(off)s, false FROM dispatch_controlleddevice
WHERE control_id = %(control)s AND phase = %(phase)s ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET control_id = excluded.control_id, phase = excluded.phase,
    held_off = excluded.held_off OR old.held_off, was_held_off = old.held_off
"""


def _send(row: EndDeviceControl, action: ControlAction) -> None:
    """Journal the commands of the present phase; what is to be off is out of dispatch from now."""
    of_phase = ControlledDevice.objects.filter(control=row, phase=row.phase)
    ids = np.array(list(of_phase.values_list("device_id", flat=True)), dtype="int32")
    bulk.execute(
        _TAKE,
        {"control": row.pk, "phase": row.phase, "off": action == ControlAction.DISCONNECT},
    )
    queue_commands(
        origin=row.journal_key,
        revision=row.phase,
        kind=_KINDS[action],
        device_ids=ids,
        values=np.zeros(ids.size),
        valid_until=clock.now() + _seconds(settings.CONTROL_VALID_S),
        reversion_s=0,
        actor=SYSTEM,
    )


def settle_control(*, origin: str) -> None:
    """Take note of what became of commands, when they are a control's.

    Args:
        origin: Journal key of a control; other origins are not ours.
    """
    row = EndDeviceControl.objects.filter(journal_key=uuid.UUID(origin)).only("pk").first()
    if row is not None:
        _follow(row.pk)


def _follow(pk: int) -> None:
    """Write down outcomes that are known by now; end the phase when all are, or it is late."""
    with transaction.atomic():
        row = EndDeviceControl.objects.select_for_update().get(pk=pk)
        if row.phase == 0:
            return
        _write_outcomes(row)
        running = row.state in _RUNNING
        if running and row.deadline_at is not None and row.deadline_at <= clock.now():
            _write_off_the_silent(row)
        _count(row)
        if running and row.done + row.failed + row.unknown == _size(row):
            _finish_phase(row)
        pass_through("control.settled")


_OUTCOMES = """
UPDATE dispatch_controlleddevice AS d
SET outcome = new.outcome, detail = new.detail, settled_at = %(now)s
FROM unnest(%(ids)s::int4[], %(phases)s::int2[], %(outcomes)s::text[], %(details)s::text[])
    AS new(device_id, phase, outcome, detail),
    (SELECT id, outcome FROM dispatch_controlleddevice
     WHERE control_id = %(control)s AND outcome IN ('pending', 'unknown')) AS was
WHERE d.id = was.id AND d.device_id = new.device_id AND d.phase = new.phase
RETURNING d.phase, d.mrid, d.name, d.outcome, d.detail, was.outcome
"""
# What certainly failed leaves the device as it was before, unless a later control has it by now.
_SWITCH = """
UPDATE dispatch_deviceswitch AS s
SET held_off = CASE WHEN d.outcome = 'failed' THEN s.was_held_off ELSE %(off)s END
FROM dispatch_controlleddevice AS d
WHERE d.control_id = %(control)s AND d.phase = %(phase)s AND d.outcome IN ('done', 'failed')
  AND s.device_id = d.device_id AND s.control_id = d.control_id AND s.phase = d.phase
"""


def _write_outcomes(row: EndDeviceControl) -> None:
    settled = list_outcomes(row.journal_key)
    now = clock.now()
    changed = bulk.execute(
        _OUTCOMES,
        {
            "control": row.pk,
            "now": now,
            "ids": [device for device, _, _, _ in settled],
            "phases": [phase for _, phase, _, _ in settled],
            "outcomes": [_outcome(state) for _, _, state, _ in settled],
            "details": ["" if _outcome(s) == DeviceOutcome.DONE else d for _, _, s, d in settled],
        },
    ).fetchall()
    for phase in sorted({entry[0] for entry in changed}):
        action = _action_of(row, phase)
        bulk.execute(
            _SWITCH,
            {"control": row.pk, "phase": phase, "off": action == ControlAction.DISCONNECT},
        )
        _tell(row, action, [entry[1:] for entry in changed if entry[0] == phase], now)


def _outcome(state: int) -> DeviceOutcome:
    return DeviceOutcome.DONE if state in _DONE else DeviceOutcome.FAILED


def _action_of(row: EndDeviceControl, phase: int) -> ControlAction:
    action = ControlAction(row.action)
    return action if phase == 1 else action.opposite


def _tell(
    row: EndDeviceControl,
    action: ControlAction,
    changed: Sequence[tuple[str, str, str, str, str]],
    at: dt.datetime,
) -> None:
    """Publish outcomes; a failure that was told of as unknown is no news."""
    done = [SwitchedDevice(m, n) for m, n, outcome, _, _ in changed if outcome == "done"]
    failed = [
        SwitchedDevice(mrid, name, detail)
        for mrid, name, outcome, detail, was in changed
        if outcome == DeviceOutcome.FAILED and was == DeviceOutcome.PENDING
    ]
    tell_devices(row, action, done, done=True, at=at)
    tell_devices(row, action, failed, done=False, at=at)


def _write_off_the_silent(row: EndDeviceControl) -> None:
    """Tell of devices that gave no statement in time; the journal goes on asking them."""
    now = clock.now()
    silent = ControlledDevice.objects.filter(
        control=row, phase=row.phase, outcome=DeviceOutcome.PENDING
    )
    told = [SwitchedDevice(m, n, _NO_STATEMENT) for m, n in silent.values_list("mrid", "name")]
    silent.update(outcome=DeviceOutcome.UNKNOWN, detail=_NO_STATEMENT, settled_at=now)
    tell_devices(row, _action_of(row, row.phase), told, done=False, at=now)


def _count(row: EndDeviceControl) -> None:
    """Count the outcomes of the present phase on the control."""
    rows = ControlledDevice.objects.filter(control=row, phase=row.phase)
    counts = Counter(rows.values_list("outcome", flat=True))
    found = {name: counts[name] for name in ("done", "failed", "unknown")}
    if all(getattr(row, name) == count for name, count in found.items()):
        return
    EndDeviceControl.objects.filter(pk=row.pk).update(revision=F("revision") + 1, **found)
    row.refresh_from_db()
    show(row)


def _size(row: EndDeviceControl) -> int:
    return ControlledDevice.objects.filter(control=row, phase=row.phase).count()


def _finish_phase(row: EndDeviceControl) -> None:
    said = f"{row.done} of {_size(row)} devices {row.action}ed"
    if row.phase == 1 and row.end_at is not None and row.done + row.unknown:
        change_control(
            row, ControlState.HOLDING, reason=f"{said}; they go back at {row.end_at:%H:%M:%S} UTC."
        )
        return
    everything = ControlledDevice.objects.filter(control=row)
    done = everything.filter(outcome=DeviceOutcome.DONE).count()
    if row.phase == 2:
        said = f"{row.done} of {_size(row)} devices went back"
    missed = f", {row.failed} failed, {row.unknown} unknown" if row.failed + row.unknown else ""
    change_control(
        row,
        end_state(devices=everything.count(), done=done),
        reason=f"{said}{missed}.",
        deadline_at=None,
    )


_GOING_BACK = """
INSERT INTO dispatch_controlleddevice
    (control_id, phase, device_id, mrid, name, rated_w, outcome, detail)
SELECT d.control_id, 2, d.device_id, d.mrid, d.name, d.rated_w, 'pending', ''
FROM dispatch_controlleddevice AS d
JOIN dispatch_deviceswitch AS s ON s.device_id = d.device_id AND s.control_id = d.control_id
WHERE d.control_id = %(control)s AND d.phase = 1 AND d.outcome IN ('done', 'unknown')
ORDER BY d.device_id
"""


def _restore(row: EndDeviceControl) -> None:
    """Put back the devices of a control whose duration is over, but none a later control has."""
    now = clock.now()
    with transaction.atomic():
        if not change_control(
            row,
            ControlState.RESTORING,
            reason="The duration is over.",
            phase=2,
            done=0,
            failed=0,
            unknown=0,
            deadline_at=now + _seconds(settings.CONTROL_DEADLINE_S),
        ):
            return
        bulk.execute(_GOING_BACK, {"control": row.pk})
        _send(row, _action_of(row, 2))
        pass_through("control.restoring")


def end_controls_of_group(*, group_mrid: str) -> int:
    """End the controls of a deleted group that have not started; return how many."""
    rows = EndDeviceControl.objects.filter(
        group_mrids__contains=[group_mrid],
        state__in=[ControlState.AWAITING_RELEASE, ControlState.SCHEDULED],
    ).order_by("pk")
    ended = 0
    for row in rows:
        with transaction.atomic():
            reason = "The group was deleted."
            if change_control(row, ControlState.FAILED, reason=reason):
                give_up_devices(row, reason=reason)
                ended += 1
    return ended
