"""Judge what a partner answers to a message of ours."""

from lxml import etree

from derms.cim import names
from derms.cim.operations import Operation
from derms.cim.trials import Told
from derms.conformance.services.judging import Judged
from derms.conformance.services.reading import (
    UnreadableError,
    clock_fault,
    drift_of,
    header_text,
    missing_in_header,
    quoted,
    read_message,
    schema_fault,
    wrong_space,
    zone_slip,
)

_MOST_LATENCY_MS = 10_000.0
_OK = 200
_MEANINGS = {
    401: "it does not take our credentials",
    403: "it does not let us in",
    404: "this service is not there",
    405: "it takes no POST there",
    415: "it does not take text/xml",
}


def judge_reply(operation: Operation, told: Told) -> Judged:
    """Compare the answer to a message of ours with what the standard says of it.

    Args:
        operation: What we have sent.
        told: The exchange, of which something came back.
    """
    if told.http_status in _MEANINGS or 300 <= (told.http_status or 0) < 400:
        hint = _MEANINGS.get(told.http_status or 0, "redirects are not followed")
        return Judged(f"Your endpoint answers HTTP {told.http_status}: {hint}")
    if not told.reply.strip():
        return Judged(f"Your reply is empty (HTTP {told.http_status}): a ResponseMessage is due")
    try:
        reply = read_message(told.reply, operation)
    except UnreadableError as error:
        return Judged(f"Your reply cannot be read (HTTP {told.http_status}): {error}")
    if etree.QName(reply).localname == "Fault":
        said = (reply.findtext("faultstring") or "without a faultstring").strip()
        return Judged(f"Your reply is a SOAP fault (HTTP {told.http_status}): {said}")
    drift_s = drift_of(reply, told.answered_at)
    difference = (
        _of_root(reply, operation)
        or schema_fault(reply, operation.messages, "reply")
        or _of_header(reply, operation, told.message_id)
        or _of_result(reply)
        or _of_http(told)
        or clock_fault(drift_s)
    )
    remark = "" if difference else _slip(reply) or zone_slip(reply)
    return Judged(difference and f"Your reply: {difference}", remark, drift_s)


def _of_root(reply: etree._Element, operation: Operation) -> str:
    name, wanted = etree.QName(reply).localname, operation.response_root
    if name != wanted:
        return f"the message is {name}, expected {wanted}"
    return wrong_space(reply, name, names.wrapper(operation.messages.message))


def _of_header(reply: etree._Element, operation: Operation, message_id: str) -> str:
    verb, noun = header_text(reply, "Verb"), header_text(reply, "Noun")
    if verb.lower() != "reply":
        return f"Header/Verb is {quoted(verb)}, expected 'reply'"
    if noun not in (operation.messages.header_noun, operation.messages.message):
        return f"Header/Noun is {quoted(noun)}, expected {operation.messages.header_noun!r}"
    follows = header_text(reply, "CorrelationID")
    if not follows:
        return missing_in_header(reply, "CorrelationID", "it says our MessageID")
    if follows != message_id:
        return f"Header/CorrelationID is {quoted(follows)}, expected our MessageID {message_id!r}"
    return ""


def _of_result(reply: etree._Element) -> str:
    space = f"{{{names.ENVELOPE}}}"
    result = (reply.findtext(f"{{*}}Reply/{space}Result") or "").strip()
    code = (reply.findtext(f"{{*}}Reply/{space}Error/{space}code") or "").strip()
    said = (reply.findtext(f"{{*}}Reply/{space}Error/{space}details") or "").strip()
    more = f" ({said[:200]})" if said else ""
    if result != "OK":
        return f"Reply/Result is {quoted(result)} with code {code or 'none'}{more}, expected 'OK'"
    if code not in ("", "0.0"):
        return f"Reply/Error/code is {quoted(code)}{more}, expected '0.0' with Result OK"
    return ""


def _of_http(told: Told) -> str:
    if told.http_status != _OK:
        return f"HTTP status is {told.http_status}, expected 200 with this message"
    if (told.duration_ms or 0) > _MOST_LATENCY_MS:
        return f"it took {told.duration_ms:.0f} ms, at most {_MOST_LATENCY_MS:.0f} ms"
    return ""


def _slip(reply: etree._Element) -> str:
    verb = header_text(reply, "Verb")
    return "" if verb == "reply" else f"Header/Verb is {verb!r}: the standard writes 'reply'"
