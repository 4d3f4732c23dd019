"""Requests for connect and disconnect controls, and a fleet that carries them out."""

from derms.core import bulk
from derms.events.models import OutboxFact
from derms.southbound.contract import CommandState
from dispatch import services
from dispatch.choices import ControlAction
from dispatch.models import ControlledDevice
from dispatch.rules.control_request import ControlData
from groups.rules.definition import GroupKey, MemberKeys
from tests.factories.accounts import actor


def control_of(utility, *, action=ControlAction.DISCONNECT, devices=(), group=None, **more):
    """What to ask: the whole group of a `Utility`, or only `devices`."""
    groups = () if devices else (GroupKey(mrid=(group or utility.group).mrid),)
    mrids = tuple(device.mrid for device in devices)
    return ControlData(action=action, groups=groups, devices=MemberKeys(mrids=mrids), **more)


def answer(row, state=CommandState.COMPLETED, *, devices=None, detail=""):
    """Let the journal say that the waiting commands of a control ended in `state`; all or some."""
    row.refresh_from_db()
    sql = (
        "UPDATE southbound_devicecommand SET state = %(state)s, detail = %(detail)s"
        " WHERE origin = %(origin)s AND state IN (1, 11)"
    )
    parameters = {"state": int(state), "detail": detail, "origin": row.journal_key}
    if devices is not None:
        sql += " AND device_id = ANY(%(ids)s::int4[])"
        parameters["ids"] = [device.pk for device in devices]
    bulk.execute(sql, parameters)


def run(row):
    """One second of work for controls; the row as it is then."""
    services.run_controls()
    row.refresh_from_db()
    return row.state


def ask(utility, *, by=None, **more):
    """Accept a control of the utility's devices."""
    return services.create_control(data=control_of(utility, **more), actor=by or actor())


def told():
    """Payloads of the facts that tell of switched devices, in order."""
    facts = OutboxFact.objects.filter(topic="dispatch.devices_switched").order_by("id")
    return [fact.payload for fact in facts]


def outcomes(row, phase=1):
    """Outcomes of the devices of a phase, by device key."""
    found = ControlledDevice.objects.filter(control=row, phase=phase).order_by("device_id")
    return [device.outcome for device in found]
