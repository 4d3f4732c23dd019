"""What people decide about a control: release, reject, cancel.

Source: ours (docs/adr/0034): two persons for what is large.
"""

import numpy as np
from django.db import transaction

from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import ForbiddenError, RuleViolationError
from dispatch.choices import ControlState
from dispatch.models import ControlledDevice, EndDeviceControl
from dispatch.selectors.controls import get_control
from dispatch.services.control_records import OBJECT_TYPE, change_control, give_up_devices
from groups.rules.definition import GroupKey
from groups.selectors import get_group, member_ids


def release_control(*, mrid: str, revision: int, actor: Actor) -> EndDeviceControl:
    """Release a control that waits for a second person; it starts at its time.

    Args:
        mrid: The control.
        revision: Revision the person saw.
        actor: Who releases it; not who asked for it.

    Raises:
        NotFoundError: no such control in the actor's scope.
        ForbiddenError: the actor asked for it.
        RuleViolationError: it does not wait any more, has changed or expired, or its group has.
    """
    row = get_control(mrid, actor=actor)
    _require_another_person(row, actor)
    _require_waiting(row)
    _require_same_members(row, actor)
    now = clock.now()
    if not change_control(
        row,
        ControlState.SCHEDULED,
        reason=f"Released by {actor.name}.",
        actor=actor,
        expected_revision=revision,
        start_at=max(row.start_at, now),
        decided_by=actor.name,
        decided_at=now,
    ):
        raise _decided(row)
    return row


def reject_control(*, mrid: str, revision: int, reason: str, actor: Actor) -> EndDeviceControl:
    """Refuse a control that waits for a second person.

    Args:
        mrid: The control.
        revision: Revision the person saw.
        reason: Why; may be empty.
        actor: Who rejects it; not who asked for it, who cancels instead.

    Raises:
        NotFoundError: no such control in the actor's scope.
        ForbiddenError: the actor asked for it.
        RuleViolationError: it does not wait any more, or has changed.
    """
    row = get_control(mrid, actor=actor)
    why = f"Rejected by {actor.name}" + (f": {reason}" if reason else ".")
    _require_another_person(row, actor)
    with transaction.atomic():
        if not change_control(
            row,
            ControlState.REJECTED,
            reason=why,
            actor=actor,
            expected_revision=revision,
            decided_by=actor.name,
            decided_at=clock.now(),
        ):
            raise _decided(row)
        give_up_devices(row, reason=why)
    return row


def cancel_control(*, mrid: str, reason: str, actor: Actor) -> EndDeviceControl:
    """Cancel a control that has not started, or the going back of one that has.

    Devices stay as they are: cancelling never connects anything.

    Args:
        mrid: The control.
        reason: Why; may be empty.
        actor: Who cancels.

    Raises:
        NotFoundError: no such control in the actor's scope.
        RuleViolationError: it is being carried out, or has ended.
    """
    row = get_control(mrid, actor=actor, verb="cancel")
    started = row.phase > 0
    why = f"Cancelled by {actor.name}" + (f": {reason}" if reason else ".")
    if started:
        why += " The devices stay as they are."
    with transaction.atomic():
        if change_control(row, ControlState.CANCELLED, reason=why, actor=actor):
            if row.phase == 0:
                give_up_devices(row, reason=why)
            return row
    raise _decided(row)


def _require_another_person(row: EndDeviceControl, actor: Actor) -> None:
    same = (row.requested_by_kind, row.requested_by_mrid) == (actor.kind, actor.mrid)
    if same:
        raise ForbiddenError(
            "Who asked for a control cannot decide about it.",
            code="own_request",
            mrid=row.mrid,
            object_type=OBJECT_TYPE,
        )


def _require_waiting(row: EndDeviceControl) -> None:
    if row.state != ControlState.AWAITING_RELEASE:
        raise _decided(row)
    if row.release_until is not None and row.release_until <= clock.now():
        raise RuleViolationError("The control has expired.", code="control_expired")


def _require_same_members(row: EndDeviceControl, actor: Actor) -> None:
    """Refuse when a group has other members by now than those the person was shown."""
    if not row.group_mrids:
        return
    groups = [get_group(key=GroupKey(mrid=mrid), actor=actor) for mrid in row.group_mrids]
    present = np.unique(np.concatenate([member_ids(group.pk) for group in groups]))
    asked = ControlledDevice.objects.filter(control=row).values_list("device_id", flat=True)
    if present.size != row.group_members or not np.isin(present, list(asked)).all():
        raise RuleViolationError(
            "The group has other members than when the control was asked for; ask again.",
            code="members_changed",
        )


def _decided(row: EndDeviceControl) -> RuleViolationError:
    row.refresh_from_db()
    return RuleViolationError(
        f"The control is {row.state.replace('_', ' ')} and cannot be changed so.",
        code="control_decided",
        state=row.state,
        object_type=OBJECT_TYPE,
    )
