"""What we tell a partner in a run: real messages about the group of the run and its devices."""

import uuid
from collections.abc import Callable

from derms.cim.envelope import render_operation_set
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import NotFoundError
from dispatch.cim.end_device_events import EventRow, render_events, type_code
from forecasting.cim.push import render_day
from groups import selectors
from groups.cim.der_group_statuses import render_statuses
from groups.cim.der_groups import render_changed, render_groups, render_identified
from groups.cim.push import render_recent_usage
from groups.rules.definition import GroupKey
from groups.selectors import Group

Values = dict[str, str]


def payload_of(operation: str, values: Values, *, actor: Actor) -> str:
    """Return the Payload of a message to the partner about the group of the run.

    Args:
        operation: What it says, e.g. `CreatedDERGroups`.
        values: Values of the run.
        actor: The partner: it is told what it may see.

    Raises:
        NotFoundError: the group is gone, or nothing is known that could be told.
    """
    group = selectors.get_group(key=GroupKey(mrid=values["group_mrid"]), actor=actor)
    payload = _PAYLOADS[operation](group, values, actor)
    if not payload:
        raise NotFoundError(f"There is nothing to tell in a {operation} of this group")
    return payload


def _removed(group: Group, values: Values, _actor: Actor) -> str:
    removal = render_identified(group, [values["device2"]])
    return render_operation_set([("delete", True, removal)], "DERGroups")


def _status(group: Group, _values: Values, _actor: Actor) -> str:
    return render_statuses([(group, selectors.find_told(group) or selectors.find_status(group))])


def _forecast(group: Group, _values: Values, actor: Actor) -> str:
    from_now = render_day(actor, [group.mrid])
    return from_now[0].payload if from_now else ""


def _usage(group: Group, _values: Values, actor: Actor) -> str:
    recent = render_recent_usage(actor, [group.mrid])
    return recent[0].payload if recent else ""


def _events(_group: Group, values: Values, _actor: Actor) -> str:
    now = clock.now()
    rows = [
        EventRow(
            mrid=str(uuid.uuid4()),
            created_at=now,
            code=type_code("disconnect", done=True),
            device_mrid=values[device],
            device_name="",
            detail="",
            issuer_id="",
            issuer_tracking_id="",
        )
        for device in ("device1", "device2")
    ]
    return render_events(rows)


_PAYLOADS: dict[str, Callable[[Group, Values, Actor], str]] = {
    "CreatedDERGroups": lambda group, _values, _actor: render_groups([group]),
    "ChangedDERGroups": lambda group, values, _actor: render_changed(group, [values["device1"]]),
    "DeletedDERGroups": lambda group, _values, _actor: render_identified(group),
    "ExecutedDERGroupsOperationSet": _removed,
    "ChangedDERGroupStatuses": _status,
    "CreatedDERGroupForecasts": _forecast,
    "CreatedEndDeviceEvents": _events,
    "CreatedMeterReadings": _usage,
}
