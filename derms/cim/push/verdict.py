"""What a partner's answer means: delivered, to be tried again, refused for good, or not at home.

Source: section 3.2 of docs/standards/61968-5.md (codes); SOAP 1.1 section 6.2.
"""

from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from derms.cim import names, schema, soap
from derms.cim.push.wire import Answered
from derms.cim.schema import MessageSet
from derms.cim.soap import SoapFaultError

RETRIED = frozenset({"3.2", "4.1", "5.1", "5.2", "5.3", "7.1"})
"""FAILED codes that may end differently by themselves: too many pending requests, timed out,
busy, not attempted, attempted and failed, temporary authentication failure. Every other one, such
as 6.1, is the partner's last word."""

_AWAY = frozenset({401, 403, 407, 408, 421, 425, 429, 502, 503, 504})
"""HTTP answers of a partner that takes nothing from us now, whatever we send."""
_FAULT = f"{{{names.SOAP}}}Fault"
_M = f"{{{names.ENVELOPE}}}"


class Kind(StrEnum):
    """What to do next."""

    DELIVERED = "delivered"
    RETRY = "retry"
    FINAL = "final"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one try ended.

    Attributes:
        kind: What to do next.
        result: Result of the reply, `FAULT`, or empty when there was no reply.
        code: Code of its first Error, else empty.
        details: Why it was not delivered; for people.
    """

    kind: Kind
    result: str = ""
    code: str = ""
    details: str = ""


def judge(answer: Answered, messages: MessageSet | None) -> Verdict:
    """Read an answer.

    Args:
        answer: Status and body.
        messages: Schemas of the service, to check the reply; None where we sent a reply, to which
            any HTTP success is an answer.
    """
    if answer.status in _AWAY or 300 <= answer.status < 400:
        hint = ": redirects are not followed" if answer.status < 400 else ""
        return Verdict(Kind.AWAY, details=f"HTTP {answer.status}{hint}")
    accepted = (200, 202, 204) if messages is None else (202, 204)
    if answer.status in accepted and not answer.body.strip():
        return Verdict(Kind.DELIVERED, "OK")
    try:
        root = soap.unwrap(answer.body)
    except SoapFaultError as error:
        if messages is None and answer.status < 300:
            return Verdict(Kind.DELIVERED, "OK")
        return Verdict(Kind.RETRY, details=f"HTTP {answer.status}, no SOAP: {error.message}"[:400])
    if root.tag == _FAULT:
        said = root.findtext("faultstring") or "SOAP fault"
        return Verdict(Kind.RETRY, "FAULT", _first(root, "code"), said.strip()[:400])
    return _by_result(root, messages, answer.status)


def _by_result(root: etree._Element, messages: MessageSet | None, status: int) -> Verdict:
    result, code = _first(root, "Result"), _first(root, "code")
    if not root.tag.endswith("ResponseMessage") or result not in ("OK", "PARTIAL", "FAILED"):
        name = etree.QName(root).localname
        return Verdict(Kind.RETRY, details=f"HTTP {status}, not a ResponseMessage: {name}"[:400])
    if result != "FAILED":
        return Verdict(Kind.DELIVERED, result, code, _blemish(root, messages))
    said = _first(root, "details") or _first(root, "reason")
    kind = Kind.RETRY if code in RETRIED else Kind.FINAL
    return Verdict(kind, result, code, f"FAILED {code}: {said}"[:400])


def _blemish(root: etree._Element, messages: MessageSet | None) -> str:
    """Return what is not valid in a reply that says OK: kept for engineers, no reason to resend."""
    fault = schema.check(messages, root) if messages else ""
    return f"Reply not schema-valid: {fault}"[:400] if fault else ""


def _first(root: etree._Element, name: str) -> str:
    found = next(root.iter(f"{_M}{name}"), None)
    return "" if found is None else (found.text or "").strip()
