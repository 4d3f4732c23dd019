"""Read messages of the log once more, as evidence: in SOAP or without, and what is wrong in them.

Every finding is one sentence that names the element and the rule.
"""

import copy
import datetime as dt
import re
from functools import cache
from typing import Any

from django.conf import settings
from lxml import etree

from derms.cim import envelope, forms, names, schema, soap
from derms.cim.operations import Operation
from derms.cim.parts import read_instant
from derms.cim.schema import MessageSet
from derms.cim.soap import SoapFaultError
from derms.conformance.rules.sentences import seconds_text, sentence_of
from derms.core.errors import DermsError

_NAIVE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?")
_MOST_QUOTED = 60


class UnreadableError(Exception):
    """There is no message in it; says why in one sentence."""


def read_message(body: bytes, operation: Operation) -> etree._Element:
    """Return the typed message in a body: in SOAP, bare, or generic; what was packed is unpacked.

    Args:
        body: As it was on the wire.
        operation: What it should be.

    Raises:
        UnreadableError: no XML, not one message, or packed in a way nobody can unpack.
    """
    try:
        message = _unwrapped(soap.parse(body), operation)
        part = message.find(f"{{{etree.QName(message).namespace}}}{operation.part}")
        if part is not None:
            forms.inflate(part, operation.content)
    except (SoapFaultError, DermsError) as error:
        raise UnreadableError(error.message) from error
    return message


def _unwrapped(root: etree._Element, operation: Operation) -> etree._Element:
    if root.tag == f"{{{names.SOAP}}}Envelope":
        return soap.message_in(root)
    space, name = etree.QName(root).namespace, etree.QName(root).localname
    if name == "Envelope":
        raise UnreadableError(f"Envelope is in the namespace {space!r}: SOAP 1.1 is {names.SOAP!r}")
    # A reply is generic too, and needs no change.
    if name in ("RequestMessage", "EventMessage") and space == names.ENVELOPE:
        return forms.typed(root, operation)
    return root


def header_text(message: etree._Element, name: str) -> str:
    """Return the text of an element of the Header; empty without one."""
    return (message.findtext(f"{{*}}Header/{{{names.ENVELOPE}}}{name}") or "").strip()


def missing_in_header(message: etree._Element, name: str, why: str) -> str:
    """Return that an element of the Header is missing, or in another namespace."""
    found = message.find(f"{{*}}Header/{{*}}{name}")
    if found is None:
        return f"Header/{name} is missing: {why}"
    space = etree.QName(found).namespace
    return f"Header/{name} is in the namespace {space!r}: it belongs to {names.ENVELOPE!r}"


def wrong_space(element: etree._Element, where: str, wanted: str) -> str:
    """Return that an element is in another namespace than wanted; empty when it is not."""
    space = etree.QName(element).namespace or ""
    return "" if space == wanted else f"{where} is in the namespace {space!r}: expected {wanted!r}"


def drift_of(message: etree._Element, at: dt.datetime) -> float | None:
    """Return how far the sender's clock is ahead [s]; None when it does not say the time."""
    try:
        return (read_instant(header_text(message, "Timestamp"), "") - at).total_seconds()
    except DermsError:
        return None


def clock_fault(drift_s: float | None) -> str:
    """Return that a clock is too far off; empty when it is not."""
    most = settings.CIM_CLOCK_SKEW_S
    if drift_s is None or abs(drift_s) <= most:
        return ""
    return f"Header/Timestamp is {seconds_text(drift_s)} our clock: at most {most} s"


def zone_slip(message: etree._Element) -> str:
    """Return that an instant says no time zone; empty when all do."""
    for element in message.iter(etree.Element):
        text = (element.text or "").strip()
        if _NAIVE.fullmatch(text):
            where = "/".join(path_of(element))
            zone = settings.SITE_TIME_ZONE
            return f"{where} is {text!r} without a time zone: taken as {zone}, write Z or an offset"
    return ""


def quoted(text: str) -> str:
    """Return a value in quotes, cut where it is long."""
    return repr(text[:_MOST_QUOTED])


def schema_fault(message: etree._Element, messages: MessageSet, verb: str) -> str:
    """Return the first violation of our schema; empty when the message is valid.

    Args:
        message: Typed message.
        messages: Schemas of its service.
        verb: What the sentence calls the message.
    """
    # Apart from its SOAP envelope: the validator's paths begin at the root of the document.
    root = copy.deepcopy(message)
    envelope.read_header(root)  # folds the Verb, as the door does
    compiled = _compiled(messages, settings.CIM_NAMESPACE_YEAR)
    if compiled.validate(root):
        return ""
    first: Any = compiled.error_log[0]  # type: ignore[index] # the stubs forget its items
    spaces = {prefix: uri for each in root.iter() for prefix, uri in each.nsmap.items() if prefix}
    found: Any = root.xpath(first.path, namespaces=spaces) if first.path else []
    element: etree._Element = found[0] if found else root
    parent = element.getparent()
    siblings = [] if parent is None else [etree.QName(child).localname for child in parent]
    return sentence_of(str(first.message), path_of(element), siblings, verb)


@cache
def _compiled(messages: MessageSet, _year: int) -> etree.XMLSchema:
    """Return a schema of this module's own: a run is looked at by one thread at a time."""
    return schema.compile_schema(schema.documents(messages), f"{messages.message}Message.xsd")


def path_of(element: etree._Element) -> list[str]:
    """Return the local names from the profile's root, or Header, to an element."""
    path = [element, *element.iterancestors()]
    path.reverse()
    inside = [etree.QName(each).localname for each in path]
    for part in ("Payload", "Request"):
        if part in inside[1:-1]:
            return inside[inside.index(part, 1) + 1 :]
    return inside[inside.index("Header") :] if "Header" in inside[:-1] else inside
