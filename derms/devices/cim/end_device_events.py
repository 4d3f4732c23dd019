"""EndDeviceEvents that other parties tell of their own devices: ReceiveEndDeviceEvents.

Source: IEC 61968-9 EndDeviceEvents profile; section 1 of docs/standards/61968-5.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from derms.cim.envelope import ObjectId, Outcome
from derms.cim.exchange import carry_out
from derms.cim.parts import (
    Identified,
    at_most,
    child_of,
    namespace_of,
    read_identified,
    read_instant,
    text_of,
)
from derms.cim.registry import Call
from derms.core.errors import InvalidInputError
from derms.devices.services.told_events import ToldEvent, record_told_event

_MAX_TEXT = 500
_MAX_DETAILS = 50


@dataclass(frozen=True, slots=True)
class _Told:
    """One EndDeviceEvent of a message with its device."""

    element: etree._Element
    device: Identified | None

    @property
    def about(self) -> ObjectId | None:
        """The device."""
        return self.device.about if self.device else None


def handle_created(call: Call) -> Outcome:
    """Keep the events as records of their devices.

    Raises:
        InvalidInputError: no event at all (1.7).
    """
    events = list(_read_events(call))
    if not events:
        raise InvalidInputError("There is no EndDeviceEvent", cim_code="1.7")

    def keep(told: _Told) -> str:
        if told.device is None or told.device.about is None:
            raise InvalidInputError("The event names no device in Assets", cim_code="1.7")
        told.device.require_identification()
        return record_told_event(
            mrid=told.device.mrid,
            name=told.device.names[0].name if told.device.names else "",
            event=parse_event(told.element),
            actor=call.actor,
        )

    done, errors = carry_out(events, keep)
    return Outcome(errors, "", len(done))


def _read_events(call: Call) -> Iterator[_Told]:
    ns = namespace_of(call.content)
    for element in call.content.iterfind(f"{ns}EndDeviceEvent"):
        assets = element.find(f"{ns}Assets")
        yield _Told(element, None if assets is None else read_identified(assets, "EndDevice"))


def parse_event(element: etree._Element) -> ToldEvent:
    """Read one EndDeviceEvent.

    Raises:
        InvalidInputError: its type has no `ref` (1.7).
        RuleViolationError: a text too long, or no usable instant (6.1).
    """
    ns = namespace_of(element)
    code = (child_of(element, "EndDeviceEventType").get("ref") or "").strip()
    if not code:
        raise InvalidInputError("EndDeviceEventType has no ref", cim_code="1.7")
    details = element.findall(f"{ns}EndDeviceEventDetails")[:_MAX_DETAILS]
    return ToldEvent(
        type_code=at_most(code, _MAX_TEXT, "ref"),
        created_at=read_instant(text_of(element, "createdDateTime"), "createdDateTime"),
        mrid=at_most(text_of(element, "mRID"), _MAX_TEXT, "mRID"),
        reason=text_of(element, "reason")[:_MAX_TEXT],
        severity=text_of(element, "severity")[:_MAX_TEXT],
        details=tuple(
            (text_of(each, "name")[:_MAX_TEXT], text_of(each, "value")[:_MAX_TEXT])
            for each in details
        ),
    )
