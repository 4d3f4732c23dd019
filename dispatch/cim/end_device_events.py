"""EndDeviceEvents messages: what became of each device of a control.

Source: IEC 61968-9 EndDeviceEvents profile; EPRI test cases DERGCD-1A to 1D (event types, Assets,
CorrelationID of the control).
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from derms.cim import names
from derms.cim.markup import leaf, node
from derms.cim.parts import CimName, render_instant, render_names
from dispatch.choices import ControlAction

NOUN = "EndDeviceEvents"
_DONE = {ControlAction.CONNECT: "2.31.0.42", ControlAction.DISCONNECT: "2.31.0.68"}
_FAILED = {ControlAction.CONNECT: "2.31.0.67", ControlAction.DISCONNECT: "2.31.0.84"}


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event at one device.

    Attributes:
        mrid: Of the event.
        created_at: When the outcome was learnt.
        code: EndDeviceEventType.
        device_mrid: The device.
        device_name: Its name.
        detail: What went wrong; empty when nothing did.
        issuer_id: Of the control.
        issuer_tracking_id: Of the control.
    """

    mrid: str
    created_at: dt.datetime
    code: str
    device_mrid: str
    device_name: str
    detail: str
    issuer_id: str
    issuer_tracking_id: str


def type_code(action: str, *, done: bool) -> str:
    """Return the EndDeviceEventType: connected, disconnected, or that it failed."""
    return (_DONE if done else _FAILED)[ControlAction(action)]


def render_events(rows: Iterable[EventRow]) -> str:
    """Return the `EndDeviceEvents` payload."""
    return node(NOUN, *map(_render, rows), xmlns=names.profile(NOUN))


def _render(row: EventRow) -> str:
    at = render_instant(row.created_at)
    return node(
        "EndDeviceEvent",
        leaf("mRID", row.mrid),
        leaf("createdDateTime", at),
        leaf("issuerID", row.issuer_id or None),
        leaf("issuerTrackingID", row.issuer_tracking_id or None),
        leaf("reason", row.detail or None),
        node("Assets", leaf("mRID", row.device_mrid), render_names([CimName(row.device_name)])),
        node("EndDeviceEventType", ref=row.code),
        node(
            "status",
            leaf("dateTime", at),
            leaf("value", "failed" if row.code in _FAILED.values() else "done"),
        ),
    )
