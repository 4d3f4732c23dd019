"""EndDeviceControls messages: a DMS connects or disconnects groups and single devices.

Everything goes through `dispatch.services.create_control`, as REST does. A control is one decision:
it is accepted with all its targets or not at all. One that waits for a second person is answered
PARTIAL with code 6.2 (docs/adr/0034).
Source: IEC 61968-9 EndDeviceControls profile; EPRI test cases DERGCD-1A to 1D; section 6 rows 11,
15 and 17 of docs/standards/61968-5.md.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from derms.cim.envelope import ObjectId, Outcome, ReplyError
from derms.cim.exchange import carry_out
from derms.cim.parts import (
    Identified,
    at_most,
    child_of,
    namespace_of,
    read_float,
    read_identified,
    read_instant,
    text_of,
)
from derms.cim.registry import Call
from derms.core import clock
from derms.core.errors import InvalidInputError, RuleViolationError
from dispatch import selectors, services
from dispatch.choices import ControlAction, ControlState
from dispatch.cim.echo import render_echoes
from dispatch.services import ControlData
from groups.rules.definition import GroupKey, MemberKeys, Name

NOUN = "EndDeviceControls"
ACTIONS = {"2.31.0.18": ControlAction.CONNECT, "2.31.0.23": ControlAction.DISCONNECT}
"""EndDeviceControlType codes: DERDevice, RCDSwitch, connect and disconnect."""
_MAX_MRID = 128
_NOT_DONE = (
    "PanDemandResponse",
    "PanDisplay",
    "PanPricing",
    "priceSignal",
    "secondaryDeviceTiming",
    "UsagePointGroups",
    "UsagePoints",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One EndDeviceControl of a message: itself, and the groups and devices it is for."""

    control: Identified
    groups: tuple[Identified, ...]
    devices: tuple[Identified, ...]

    @property
    def about(self) -> ObjectId | None:
        """The control if it was given an mRID, else its first target."""
        named = (self.control, *self.groups, *self.devices)
        return next((each.about for each in named if each.about), None)


def read_controls(call: Call) -> Iterator[Asked]:
    """Yield every EndDeviceControl of the content with its targets, identified."""
    ns = namespace_of(call.content)
    for element in call.content.iterfind(f"{ns}EndDeviceControl"):
        groups = element.iterfind(f"{ns}EndDeviceGroups")
        devices = element.iterfind(f"{ns}EndDevices")
        yield Asked(
            read_identified(element, "EndDeviceControl"),
            tuple(read_identified(group, "DERGroup") for group in groups),
            tuple(read_identified(device, "EndDevice") for device in devices),
        )


def parse_create(asked: Asked, *, correlation_id: str) -> ControlData:
    """Read one EndDeviceControl.

    Args:
        asked: The control and its targets.
        correlation_id: Of the message; the events it causes carry it.

    Raises:
        InvalidInputError: type without ref, no target or one without identification (1.7), a
            type that is none of ours (2.15).
        RuleViolationError: a part that is not carried out here, or unusable times (6.1).
    """
    control = asked.control.element
    action = _action(control)
    for part in _NOT_DONE:
        if control.find(f"{namespace_of(control)}{part}") is not None:
            raise RuleViolationError(f"{part} is not carried out here", code="not_supported")
    targets = (*asked.groups, *asked.devices)
    if not targets:
        raise InvalidInputError(
            "EndDeviceControl names neither EndDeviceGroups nor EndDevices", cim_code="1.7"
        )
    for target in targets:
        target.require_identification()
    start_at, duration_s = _timing(control)
    return ControlData(
        action=action,
        groups=tuple(
            GroupKey(g.mrid, tuple(Name(n.name, n.name_type, n.authority) for n in g.names))
            for g in asked.groups
        ),
        devices=MemberKeys(
            mrids=tuple(d.mrid for d in asked.devices if d.mrid),
            names=tuple(d.names[0].name for d in asked.devices if not d.mrid),
        ),
        reason=text_of(control, "reason"),
        start_at=start_at,
        duration_s=duration_s,
        mrid=at_most(asked.control.mrid, _MAX_MRID, "mRID"),
        issuer_id=text_of(control, "issuerID"),
        issuer_tracking_id=text_of(control, "issuerTrackingID"),
        correlation_id=correlation_id,
    )


def _action(control: etree._Element) -> ControlAction:
    ref = (child_of(control, "EndDeviceControlType").get("ref") or "").strip()
    if not ref:
        raise InvalidInputError("EndDeviceControlType has no ref", cim_code="1.7")
    if ref not in ACTIONS:
        raise InvalidInputError(
            f"EndDeviceControlType {ref[:60]} is not known; there are {', '.join(ACTIONS)}",
            code="unknown_control_type",
            cim_code="2.15",
        )
    return ACTIONS[ref]


def _timing(control: etree._Element) -> tuple[dt.datetime | None, float | None]:
    """Return start (None = now) and duration [s] (None = for good) of primaryDeviceTiming."""
    ns = namespace_of(control)
    timing = control.find(f"{ns}primaryDeviceTiming")
    if timing is None:
        return None, None
    if text_of(timing, "randomisation") not in ("", "none", "default"):
        raise RuleViolationError("randomisation is not carried out here", code="not_supported")
    start_at, end_at = (_instant(timing, f"{ns}interval/{ns}{name}") for name in ("start", "end"))
    minutes = text_of(timing, "duration")
    duration_s = 60.0 * read_float(minutes, "duration") if minutes else None
    if end_at is not None:
        until_end_s = (end_at - (start_at or clock.now())).total_seconds()
        if duration_s is not None and abs(duration_s - until_end_s) > 1:
            raise RuleViolationError("duration and interval disagree", code="bad_duration")
        duration_s = until_end_s
    if text_of(timing, "durationIndefinite") in ("true", "1") and duration_s is not None:
        raise RuleViolationError(
            "The duration cannot be indefinite and end as well", code="bad_duration"
        )
    return start_at, duration_s


def _instant(timing: etree._Element, path: str) -> dt.datetime | None:
    text = (timing.findtext(path) or "").strip()
    return read_instant(text, path.rpartition("}")[2]) if text else None


def handle_create(call: Call) -> Outcome:
    """Accept the controls; those without an mRID come back with the one assigned.

    When some were refused, all that were accepted come back, so that the client sees which.
    """
    header = call.header
    correlation_id = header.correlation_id or header.message_id

    def create(asked: Asked) -> tuple[Asked, selectors.Control]:
        data = parse_create(asked, correlation_id=correlation_id)
        return asked, services.create_control(data=data, actor=call.actor)

    wanted = list(read_controls(call))
    if not wanted:
        raise InvalidInputError("There is no EndDeviceControl in the message", cim_code="1.7")
    done, errors = carry_out(wanted, create)
    shown = [
        (asked.control.element, row.mrid) for asked, row in done if errors or not asked.control.mrid
    ]
    waiting = [row for _, row in done if row.state == ControlState.AWAITING_RELEASE]
    payload = render_echoes(NOUN, shown)
    return Outcome(errors, payload, len(done), notes=tuple(map(_on_hold, waiting)))


def _on_hold(row: selectors.Control) -> ReplyError:
    return ReplyError(
        "6.2",
        f"The control waits for release by a second person. {row.state_reason}",
        ObjectId(row.mrid, "uuid", "EndDeviceControl"),
    )
