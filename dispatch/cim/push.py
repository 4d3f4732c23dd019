"""What partners are told about controls: one EndDeviceEvent per device whose outcome is known.

Loaded in every process; runs in the transaction that delivers the fact. The sender of a control
is told as well: the events are the answer it waits for.
Source: IEC 61968-5 use case connect/disconnect; IEC 61968-9 EndDeviceEvents.
"""

import uuid
from collections import defaultdict

from derms.cim.pushing import Event, is_wanted, push
from derms.devices.selectors import list_devices
from derms.events.registry import subscribe
from dispatch.cim.end_device_events import NOUN, EventRow, render_events, type_code
from dispatch.events import DevicesSwitched
from groups.reach import groups_with

_SPACE = uuid.UUID("6f1c9a52-3a86-5c0e-9d4b-61968900c0de")
"""Any fixed UUID: events about one outcome have one mRID, however often they are rendered."""


@subscribe(DevicesSwitched)
def tell_of_devices(fact: DevicesSwitched) -> None:
    """Push the events of one fact, one message for each owner of devices."""
    if not is_wanted(NOUN):
        return
    by_owner: dict[str, list[EventRow]] = defaultdict(list)
    owners = _owners([device.mrid for device in fact.devices])
    code = type_code(fact.action, done=fact.done)
    is_single = not fact.group_mrids
    for device in fact.devices:
        mrid = uuid.uuid5(_SPACE, f"{fact.control_mrid}/{device.mrid}/{code}/{fact.settled_at}")
        by_owner[owners[device.mrid]].append(
            EventRow(
                mrid=str(mrid),
                created_at=fact.settled_at,
                code=code,
                device_mrid=device.mrid,
                device_name=device.name,
                detail=device.detail,
                issuer_id=fact.issuer_id,
                issuer_tracking_id=fact.issuer_tracking_id,
            )
        )
    for owner, rows in by_owner.items():
        push(
            Event(
                noun=NOUN,
                verb="created",
                payload=render_events(rows),
                groups=tuple(fact.group_mrids),
                correlation_id=fact.correlation_id,
                owners=(owner,),
                within=groups_with([row.device_mrid for row in rows]) if is_single else (),
            )
        )


def _owners(mrids: list[str]) -> dict[str, str]:
    """Return the mRID of the owner of each device."""
    found = list_devices().order_by().filter(mrid__in=mrids)
    return dict(found.values_list("mrid", "owner__mrid"))
