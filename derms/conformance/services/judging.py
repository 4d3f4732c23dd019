"""Judge one message of a partner: what it says, how it was answered, how its clock goes.

Every verdict is one sentence that names the element and the rule, or an empty text.
"""

import copy
import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from lxml import etree

from derms.cim import names, operations, schema, soap
from derms.cim.operations import Operation
from derms.cim.quantities import MULTIPLIERS
from derms.cim.schema import MessageSet
from derms.cim.selectors import body_text
from derms.cim.soap import SoapFaultError
from derms.cim.trials import Message
from derms.conformance.rules.scenario import Check, Step
from derms.conformance.rules.sentences import seconds_text, sentence_of
from derms.core import clock

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "D": 86400.0}
_POWER_TOLERANCE_W = 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found.

    Attributes:
        difference: First difference in one sentence; empty when all is as expected.
        drift_s: Header/Timestamp minus receipt [s]; None without a Timestamp.
        group: mRID and name of the group it makes, where the step keeps it.
    """

    difference: str
    drift_s: float | None = None
    group: tuple[str, str] | None = None


def judge(step: Step, message: Message, values: dict[str, str]) -> Judged:
    """Compare an exchange of the log with what a step expects.

    Args:
        step: The step.
        message: The exchange: request and reply as they were on the wire.
        values: Values of the run.
    """
    operation = operations.get(step.operation)
    try:
        root = soap.message_in(soap.parse(body_text(message.request_body).encode()))
    except SoapFaultError as error:
        return Judged(f"The message cannot be read: {error.message}")
    drift_s = drift_of(root, message.received_at)
    difference = (
        _of_header(root, operation)
        or _of_clock(drift_s)
        or _of_content(step, root, operation, values)
        or _of_reply(step, message)
    )
    group = None if difference or not step.keeps_group else _group_of(root, message)
    return Judged(difference, drift_s, group)


def drift_of(root: etree._Element, received_at: dt.datetime) -> float | None:
    """Return how far the partner's clock is ahead [s]; None when it does not say the time."""
    text = root.findtext(f".//{{{names.ENVELOPE}}}Timestamp") or ""
    try:
        return (clock.parse_utc(text.strip()) - received_at).total_seconds()
    except ValueError:
        return None


def _of_header(root: etree._Element, operation: Operation) -> str:
    name = etree.QName(root).localname
    if name != operation.root:
        return f"The message is {name}: this step expects {operation.root}"
    given = (root.findtext(f".//{{{names.ENVELOPE}}}Verb") or "").strip()
    if not given:
        return f"Header/Verb is missing: {name} needs {operation.verb!r}"
    if given.lower() != operation.verb:
        return f"Header/Verb is {given!r}: {name} needs {operation.verb!r}"
    return ""


def _of_clock(drift_s: float | None) -> str:
    most = settings.CIM_CLOCK_SKEW_S
    if drift_s is None or abs(drift_s) <= most:
        return ""
    return f"Header/Timestamp is {seconds_text(drift_s)} our clock: at most {most} s"


def _of_content(
    step: Step, root: etree._Element, operation: Operation, values: dict[str, str]
) -> str:
    fault = fault_of(root, operation)
    if fault and step.code != "1.8":
        return fault
    if not fault and step.code == "1.8":
        return "The message is valid: this step expects one that is not"
    content = root.find(f".//{operation.content}")
    if content is None:
        return "" if step.refused else f"{operation.part} has no {operation.noun}"
    return next(filter(None, (_checked(check, content, values) for check in step.checks)), "")


def fault_of(root: etree._Element, operation: Operation) -> str:
    """Return the first violation of our schema in one sentence; empty when the message is valid."""
    messages = operation.messages
    if not schema.check(messages, root):
        return ""
    compiled = _compiled(messages, settings.CIM_NAMESPACE_YEAR)
    # Apart from its SOAP envelope: the validator's paths begin at the root of the document.
    root = copy.deepcopy(root)
    compiled.validate(root)
    first: Any = compiled.error_log[0]  # type: ignore[index] # the stubs forget its items
    found: Any = root.xpath(first.path) if first.path else []
    element: etree._Element = found[0] if found else root
    parent = element.getparent()
    siblings = [] if parent is None else [etree.QName(child).localname for child in parent]
    return sentence_of(str(first.message), _path_of(element), siblings, operation.verb)


@cache
def _compiled(messages: MessageSet, _year: int) -> etree.XMLSchema:
    """Return a schema of this module's own: a run is looked at by one thread at a time."""
    return schema.compile_schema(schema.documents(messages), f"{messages.message}Message.xsd")


def _path_of(element: etree._Element) -> list[str]:
    """Return the local names from the profile's root, or Header, to an element."""
    path = [element, *element.iterancestors()]
    path.reverse()
    inside = [etree.QName(each).localname for each in path]
    for part in ("Payload", "Request"):
        if part in inside[1:-1]:
            return inside[inside.index(part, 1) + 1 :]
    return inside


def _found(content: etree._Element, path: str) -> list[etree._Element]:
    return content.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


def _checked(check: Check, content: etree._Element, values: dict[str, str]) -> str:
    found = _found(content, check.path)
    where = f"{etree.QName(content).localname}/{check.path}"
    value = check.value.format(**values)
    if not found:
        return f"{where} is missing: this step needs it"
    return _RULES[check.rule](found, where, value, values)


def _is(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    other = next((e for e in found if (e.text or "").strip().lower() != value.lower()), None)
    if other is None:
        return ""
    return f"{where} is {(other.text or '').strip()!r}: this step expects {value!r}"


def _set(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    given, wanted = {(e.text or "").strip() for e in found}, set(value.split())
    if surplus := sorted(given - wanted):
        return f"{where} is {surplus[0]!r}: this step expects {' and '.join(sorted(wanted))}"
    if missing := sorted(wanted - given):
        return f"{where} {missing[0]!r} is missing: this step expects it"
    return ""


def _group(found: list[etree._Element], where: str, _value: str, values: dict[str, str]) -> str:
    for element in found:
        mrid = (element.findtext("{*}mRID") or "").strip()
        given = {(e.text or "").strip() for e in element.iterfind("{*}Names/{*}name")}
        if mrid and mrid != values["group_mrid"]:
            return f"{where}/mRID is {mrid!r}: the group of this run is {values['group_mrid']!r}"
        if not mrid and values["group_name"] not in given:
            return f"{where} names no mRID: the group of this run is {values['group_mrid']!r}"
    return ""


def _power(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    for element in found:
        factor = 10.0 ** MULTIPLIERS[(element.findtext("{*}yMultiplier") or "none").strip()]
        if (element.findtext("{*}flowDirection") or "").strip() == "reverse":
            factor = -factor
        for point in element.iter("{*}nominalYValue"):
            power_w = float(point.text or 0) * factor
            if abs(power_w - float(value)) > _POWER_TOLERANCE_W:
                return (
                    f"{where}/DispatchSchedule/DERCurveData/nominalYValue is {point.text} with "
                    f"that yMultiplier, {power_w:g} W: this step expects {value} W injected"
                )
    return ""


def _interval(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    for element in found:
        text = (element.findtext("{*}timeIntervalDuration") or "0").strip()
        unit = (element.findtext("{*}timeIntervalUnit") or "").strip()
        if int(text) * _UNITS_S.get(unit, 0.0) != float(value):
            return (
                f"{where}/timeIntervalDuration is {text} {unit}: this step expects {value} seconds"
            )
    return ""


def _attribute(found: list[etree._Element], where: str, value: str, _values: dict[str, str]) -> str:
    given = next((e.get("ref", "") for e in found if e.get("ref") != value), None)
    return "" if given is None else f"{where}/@ref is {given!r}: this step expects {value!r}"


_RULES = {
    "is": _is, "set": _set, "group": _group, "power": _power, "interval": _interval,
    "attribute": _attribute,
}  # fmt: skip


def _of_reply(step: Step, message: Message) -> str:
    wanted = f"{step.result} {step.code}".strip()
    got = f"{message.result} {message.code}".strip()
    if message.result == step.result and message.code == (step.code or "0.0"):
        return ""
    said = f" ({message.details})" if message.details else ""
    return f"The reply is {got or 'none'}{said}: this step expects {wanted}"


def _group_of(root: etree._Element, message: Message) -> tuple[str, str]:
    """Return mRID and first name of the group; an mRID we assigned stands in the reply."""
    group = next(root.iter("{*}EndDeviceGroup"))
    mrid = (group.findtext("{*}mRID") or "").strip()
    name = (group.findtext("{*}Names/{*}name") or "").strip()
    if not mrid:
        reply = soap.parse(body_text(message.reply_body).encode())
        mrid = (next(reply.iter("{*}EndDeviceGroup")).findtext("{*}mRID") or "").strip()
    return mrid, name
