"""Events of devices as the party that owns them tells of them; they change nothing here.

Source: IEC 61968-9 created(EndDeviceEvents); docs/adr/0012.
"""

import dataclasses
import datetime as dt

from derms.audit.services import record
from derms.core.actors import Actor
from derms.core.errors import ForbiddenError, NotFoundError
from derms.devices.selectors import find_ids, find_ids_by_name, mrids_of, visible_mrids


@dataclasses.dataclass(frozen=True, slots=True)
class ToldEvent:
    """One event of a device.

    Attributes:
        type_code: EndDeviceEventType, e.g. `2.31.0.68`.
        created_at: When it happened, by the party's clock.
        mrid: Of the event; may be empty.
        reason: In words; may be empty.
        severity: In words; may be empty.
        details: Further names with their values.
    """

    type_code: str
    created_at: dt.datetime
    mrid: str = ""
    reason: str = ""
    severity: str = ""
    details: tuple[tuple[str, str], ...] = ()


def record_told_event(*, mrid: str, name: str, event: ToldEvent, actor: Actor) -> str:
    """Keep an event as a record of its device, and leave the device as it is.

    Args:
        mrid: Of the device; empty when it is called by its name.
        name: Of the device.
        event: What happened.
        actor: An API client of the party that owns the device.

    Returns:
        The mRID of the device.

    Raises:
        NotFoundError: no such device (CIM 99.1).
        ForbiddenError: it belongs to somebody else (CIM 7.5).
    """
    kind, key = ("uuid", mrid) if mrid else ("name", name)
    ids = find_ids([mrid]) if mrid else find_ids_by_name([name])
    if ids[0] < 0:
        raise NotFoundError(
            "EndDevice does not exist", code="unknown_device", object_type="EndDevice",
            id_kind=kind, id=key,
        )  # fmt: skip
    (found,) = mrids_of(ids)
    if not visible_mrids([found], visible=frozenset({actor.organisation_mrid or ""})):
        raise ForbiddenError(
            f"This EndDevice belongs to another party: {key}", code="not_own_device",
            object_type="EndDevice", id_kind=kind, id=key,
        )  # fmt: skip
    record(action="device.event_told", object_type="EndDevice", object_mrid=found,
           after=dataclasses.asdict(event), actor=actor)  # fmt: skip
    return found
