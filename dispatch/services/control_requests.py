"""Preview and accept connect and disconnect controls.

Both go through the same assessment, so what the confirmation shows is what happens.
Source: IEC 61968-5 use case connect/disconnect; IEC 61968-9 EndDeviceControls.
"""

import dataclasses
import datetime as dt
import math
import uuid
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from django.db import IntegrityError, transaction
from numpy.typing import NDArray

from derms.accounts.scopes import SANDBOX_MRID, is_sandboxed, sees_sandbox, visible_organisations
from derms.audit import services as audit
from derms.core import bulk, clock, correlation
from derms.core.actors import Actor
from derms.core.errors import ForbiddenError, InvalidInputError, RuleViolationError
from derms.core.ids import new_mrid
from derms.core.quantities import power_text
from derms.devices.selectors import DeviceColumns, device_columns, find_ids, owned_ids
from derms.devices.selectors.columns import REGISTERED
from derms.devices.selectors.names import find_ids_by_name, mrids_of
from dispatch.choices import ControlAction, ControlState
from dispatch.models import EndDeviceControl
from dispatch.rules.control_request import ControlData, ReleaseLimits
from dispatch.selectors.controls import NOUN
from dispatch.services.control_records import OBJECT_TYPE, announce, title_of, warn_of_waiting
from groups.choices import DerFunction
from groups.reach import out_of_reach
from groups.rules.definition import MemberKeys
from groups.selectors import Group, get_group, member_ids, require_commandable

Ids = NDArray[np.int32]
MAX_DEVICES = 100_000
_MAX_DURATION_S = 366 * 86_400.0
_LISTED = 20
_NONE = np.zeros(0, dtype="int32")


@dataclass(frozen=True, slots=True)
class ControlPreview:
    """What a control would touch.

    Attributes:
        groups: Whole groups among its targets.
        group_members: How many different members they have.
        columns: Every device it touches, by ascending key.
        rated_w: Sum of the larger of both ratings [W].
        needs_release: A second person must release it.
        limits: What may be done without one.
        start_at: When it would begin.
        duration_s: After this time the devices go back; None = they stay.
    """

    groups: list[Group]
    group_members: int
    columns: DeviceColumns
    rated_w: float
    needs_release: bool
    limits: ReleaseLimits
    start_at: dt.datetime
    duration_s: float | None

    @property
    def devices(self) -> int:
        """Number of devices."""
        return len(self.columns)


def release_limits() -> ReleaseLimits:
    """Return what one control may touch without a second person."""
    return ReleaseLimits(
        rated_w=settings.CONTROL_RELEASE_MW * 1e6, devices=settings.CONTROL_RELEASE_DEVICES
    )


def preview_control(*, data: ControlData, actor: Actor) -> ControlPreview:
    """Say what a control would touch without doing anything.

    Raises:
        NotFoundError: no such group (CIM 99.1).
        ForbiddenError: another party's group, a device of the sandbox, or no grant (CIM 7.5).
        InvalidInputError: no target (CIM 1.7), or times that make no sense.
        RuleViolationError: group without connectDisconnect, unknown or unfit device (CIM 6.1).
    """
    start_at, duration_s = _window(data)
    groups = [get_group(key=key, actor=actor, noun=NOUN, verb="create") for key in data.groups]
    for group in groups:
        _refuse_told(group, actor)
        _require_function(group)
    single = _single_devices(data.devices, data.action, actor)
    members = np.unique(np.concatenate([_NONE, *(_members(group) for group in groups)]))
    ids = np.union1d(single, members)
    if not groups and not ids.size:
        raise InvalidInputError(
            "A control needs a group or a device", code="no_target", cim_code="1.7"
        )
    if ids.size > MAX_DEVICES:
        raise RuleViolationError(
            f"One control touches at most {MAX_DEVICES} devices", code="too_many_devices"
        )
    columns = device_columns(ids)
    rated_w = float(np.maximum(columns.rated_w, columns.rated_charge_w).sum())
    limits = release_limits()
    return ControlPreview(
        groups=groups,
        group_members=members.size,
        columns=columns,
        rated_w=rated_w,
        # Simulated devices of the sandbox need no second person; a partner's run has none.
        needs_release=not is_sandboxed(actor)
        and limits.exceeded_by(rated_w=rated_w, devices=len(columns)),
        limits=limits,
        start_at=start_at,
        duration_s=duration_s,
    )


def _window(data: ControlData) -> tuple[dt.datetime, float | None]:
    """Return start and duration; what has begun already begins now and ends when it would."""
    now, duration_s = clock.now(), data.duration_s
    start_at = data.start_at or now
    if duration_s is not None and not (
        math.isfinite(duration_s) and 1.0 <= duration_s <= _MAX_DURATION_S
    ):
        raise InvalidInputError(
            "The duration is 1 second to 366 days.",
            code="bad_duration", field="duration_s", cim_code="6.1",
        )  # fmt: skip
    if start_at > now + dt.timedelta(seconds=_MAX_DURATION_S):
        raise InvalidInputError(
            "The start lies more than 366 days ahead.",
            code="too_far", field="start_at", cim_code="6.1",
        )  # fmt: skip
    if start_at >= now or duration_s is None:
        return max(start_at, now), duration_s
    left_s = duration_s - (now - start_at).total_seconds()
    if left_s < 1:
        raise RuleViolationError("The whole control lies in the past.", code="window_past")
    return now, left_s


def _refuse_told(group: Group, actor: Actor) -> None:
    """Leave the groups of other parties to them, whoever owns the devices in them."""
    if group.announced_by and group.owner.mrid != actor.organisation_mrid:
        raise ForbiddenError(
            f"This DERGroup belongs to {group.owner.name}, who alone switches it",
            code="not_own_group", object_type="DERGroup", id=group.mrid, id_kind="uuid",
        )  # fmt: skip


def _require_function(group: Group) -> None:
    function = DerFunction.CONNECT_DISCONNECT
    if function not in group.functions:
        raise RuleViolationError(
            f"Group {group.name} does not have the function {function}.",
            code="function_missing", function=str(function), object_type="DERGroup",
            id=group.mrid, id_kind="uuid",
        )  # fmt: skip


def _members(group: Group) -> Ids:
    require_commandable(group)
    ids = member_ids(group.pk)
    if not ids.size:
        raise RuleViolationError(
            f"Group {group.name} has no members.",
            code="no_members", object_type="DERGroup", id=group.mrid, id_kind="uuid",
        )  # fmt: skip
    return ids


def _single_devices(keys: MemberKeys, action: ControlAction, actor: Actor) -> Ids:
    by_mrid = find_ids(keys.mrids, visible=visible_organisations(actor))
    by_name = find_ids_by_name(keys.names, visible=visible_organisations(actor))
    for wanted, found, kind in ((keys.mrids, by_mrid, "uuid"), (keys.names, by_name, "name")):
        unknown = [key for key, pk in zip(wanted, found.tolist(), strict=True) if pk < 0]
        if unknown:
            raise _unfit("EndDevice does not exist", "unknown_device", unknown, kind)
    ids = np.unique(np.concatenate([by_mrid, by_name]))
    _refuse_others(ids, actor)
    columns = device_columns(ids)
    # Whoever may not be dispatched may still be switched off, but not on.
    fit = columns.lifecycle == REGISTERED
    if action == ControlAction.CONNECT:
        fit &= columns.eligible
    unfit = [mrid for mrid, good in zip(columns.mrid, fit.tolist(), strict=True) if not good]
    if unfit:
        what = "registered and eligible" if action == ControlAction.CONNECT else "registered"
        raise _unfit(f"EndDevice is not {what}", "device_unfit", unfit, "uuid")
    return ids


def _refuse_others(ids: Ids, actor: Actor) -> None:
    """Refuse devices beyond an actor's grants, and the sandbox's to who is not of the sandbox."""
    barred = out_of_reach(ids, actor=actor, noun=NOUN, verb="create")
    if not sees_sandbox(actor):
        barred = np.union1d(barred, np.intersect1d(ids, owned_ids(SANDBOX_MRID)))
    if barred.size:
        raise ForbiddenError(
            f"{actor.name} may not switch this EndDevice",
            code="not_granted", object_type="EndDevice", id=mrids_of(barred)[0], id_kind="uuid",
        )  # fmt: skip


def _unfit(message: str, code: str, keys: list[str], kind: str) -> RuleViolationError:
    more = f" and {len(keys) - _LISTED} more" if len(keys) > _LISTED else ""
    return RuleViolationError(
        f"{message}: {', '.join(keys[:_LISTED])}{more}",
        code=code, object_type="EndDevice", id=keys[0], id_kind=kind,
    )  # fmt: skip


def create_control(*, data: ControlData, actor: Actor) -> EndDeviceControl:
    """Accept a control; it starts at its time, at once when that has come.

    Above the limits it waits for a second person (`release_control`) and an alarm tells of it.

    Args:
        data: What is asked.
        actor: Who asks.

    Returns:
        The control, in state scheduled or awaiting_release.

    Raises:
        NotFoundError: no such group (CIM 99.1).
        ForbiddenError: another party's group, a device of the sandbox, or no grant (CIM 7.5).
        InvalidInputError: no target (CIM 1.7), or times that make no sense.
        RuleViolationError: group without connectDisconnect, unknown or unfit device, or an mRID
            that is taken (CIM 6.1).
    """
    with transaction.atomic():
        return _accept(preview_control(data=data, actor=actor), data, actor)


def _accept(preview: ControlPreview, data: ControlData, actor: Actor) -> EndDeviceControl:
    now, waits = clock.now(), preview.needs_release
    row = EndDeviceControl(
        mrid=data.mrid or new_mrid(),
        journal_key=uuid.uuid4(),
        action=data.action,
        group_mrids=[group.mrid for group in preview.groups],
        group_names=[group.name for group in preview.groups],
        target=_target(preview)[:300],
        group_members=preview.group_members,
        reason=data.reason[:500],
        issuer_id=data.issuer_id[:200],
        issuer_tracking_id=data.issuer_tracking_id[:200],
        start_at=preview.start_at,
        duration_s=preview.duration_s,
        state=ControlState.AWAITING_RELEASE if waits else ControlState.SCHEDULED,
        devices=preview.devices,
        rated_w=preview.rated_w,
        needs_release=waits,
        release_until=_release_until(preview.start_at, now) if waits else None,
        requested_by=actor.name,
        requested_by_kind=actor.kind,
        requested_by_mrid=actor.mrid,
        source=actor.source,
        correlation_id=correlation.current(),
        message_correlation_id=data.correlation_id[:200],
        created_at=now,
        modified_at=now,
    )
    row.state_reason = _why_waiting(preview) if waits else "Accepted."
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise RuleViolationError(
            f"There is a control with the mRID {row.mrid} already.", code="duplicate_control"
        ) from error
    write_devices(row, preview.columns)
    audit.record(
        action="control.create",
        object_type=OBJECT_TYPE,
        object_mrid=row.mrid,
        after={
            **dataclasses.asdict(data),
            "what": title_of(row),
            "devices": row.devices,
            "state": row.state,
        },
        actor=actor,
    )
    if waits:
        warn_of_waiting(row)
    announce(row)
    return row


def _target(preview: ControlPreview) -> str:
    """Say for people what a control switches."""
    parts = [group.name for group in preview.groups]
    single = preview.devices - preview.group_members
    if single == 1 and not parts:
        parts = preview.columns.name
    elif single:
        parts.append(f"{single} devices" if single > 1 else "1 device")
    return ", ".join(parts)


def _release_until(start_at: dt.datetime, now: dt.datetime) -> dt.datetime:
    """Return when a waiting control expires: at its start, or after the wait when that is now."""
    if start_at > now:
        return start_at
    return now + dt.timedelta(seconds=settings.CONTROL_RELEASE_WAIT_S)


def _why_waiting(preview: ControlPreview) -> str:
    limits = preview.limits
    return (
        f"{preview.devices} devices with {power_text(preview.rated_w)}: more than {limits.devices} "
        f"devices or {power_text(limits.rated_w)} need a second person."
    )


def write_devices(row: EndDeviceControl, columns: DeviceColumns) -> None:
    """Write down the devices the first phase of a control touches."""
    bulk.execute(
        """
        INSERT INTO dispatch_controlleddevice
            (control_id, phase, device_id, mrid, name, rated_w, outcome, detail)
        SELECT %(control)s, 1, new.id, new.mrid, new.name, new.rated_w, 'pending', ''
        FROM unnest(%(ids)s::int4[], %(mrids)s::text[], %(names)s::text[], %(rated)s::float8[])
            AS new(id, mrid, name, rated_w) ORDER BY new.id
        """,
        {
            "control": row.pk,
            "ids": columns.id,
            "mrids": columns.mrid,
            "names": columns.name,
            "rated": np.maximum(columns.rated_w, columns.rated_charge_w),
        },
    )
