"""Judge one message of a partner: what it says, how it was answered, how its clock goes.

Every verdict is one sentence that names the element and the rule, or an empty text.
"""

from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

from derms.cim import names, operations, trials
from derms.cim.operations import Operation
from derms.cim.trials import Message
from derms.conformance.rules.scenario import Step
from derms.conformance.services.checking import RECEIVED, checked
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

_REFUSED_UNREAD = (411, 413, 415)
"""HTTP answers of our door to what it did not read."""
_NOT_A_NOUN_OF_OURS = "2.5"


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found.

    Attributes:
        difference: First difference in one sentence; empty when all is as expected.
        remark: What was taken although it is not by the letter; empty beside a difference.
        drift_s: Header/Timestamp minus receipt [s]; None without a Timestamp.
        group: mRID and name of the group it makes, where the step keeps it.
    """

    difference: str
    remark: str = ""
    drift_s: float | None = None
    group: tuple[str, str] | None = None


def judge(
    step: Step, message: Message, values: dict[str, str], used: Collection[str] = ()
) -> Judged:
    """Compare an exchange of the log with what a step expects.

    Args:
        step: The step.
        message: The exchange: request and reply as they were on the wire.
        values: Values of the run.
        used: MessageIDs of the run's earlier messages.
    """
    if message.http_status in _REFUSED_UNREAD:
        return Judged(f"The message was not taken, HTTP {message.http_status}: {message.details}")
    operation = operations.get(step.operation)
    try:
        root = read_message(trials.request_of(message), operation)
    except UnreadableError as error:
        return Judged(f"The message cannot be read: {error}")
    drift_s = drift_of(root, message.received_at)
    difference = (
        _of_header(root, operation, message, used)
        or clock_fault(drift_s)
        or _of_content(step, root, operation, values | {RECEIVED: str(message.received_at)})
        or _of_reply(step, message)
    )
    remark = "" if difference else _slip(root, operation) or zone_slip(root)
    group = None if difference or not step.keeps_group else _group_of(root, message)
    return Judged(difference, remark, drift_s, group)


def _of_header(
    root: etree._Element, operation: Operation, message: Message, used: Collection[str]
) -> str:
    name = etree.QName(root).localname
    if name != operation.root:
        return f"The message is {name}: this step expects {operation.root}"
    return (
        wrong_space(root, name, names.wrapper(operation.messages.message))
        or _of_verb(root, operation)
        or _of_noun(root, operation, message)
        or _of_message_id(root, used)
    )


def _of_verb(root: etree._Element, operation: Operation) -> str:
    verb = header_text(root, "Verb")
    if not verb:
        return missing_in_header(root, "Verb", f"{operation.root} needs {operation.verb!r}")
    if verb.lower() != operation.verb:
        return f"Header/Verb is {quoted(verb)}: {operation.root} needs {operation.verb!r}"
    return ""


def _of_noun(root: etree._Element, operation: Operation, message: Message) -> str:
    noun, wanted = header_text(root, "Noun"), operation.messages.header_noun
    if not noun:
        return missing_in_header(root, "Noun", f"{operation.root} needs {wanted!r}")
    if message.code == _NOT_A_NOUN_OF_OURS and noun not in _nouns(operation):
        return f"Header/Noun is {quoted(noun)}: {operation.root} needs {wanted!r}"
    return ""


def _of_message_id(root: etree._Element, used: Collection[str]) -> str:
    message_id = header_text(root, "MessageID")
    if not message_id:
        return missing_in_header(root, "MessageID", "nobody can tell a repetition without it")
    if message_id in used:
        return f"Header/MessageID {quoted(message_id)} is that of an earlier message of this run"
    return ""


def _slip(root: etree._Element, operation: Operation) -> str:
    """Return what the product forgives in a header; empty when it is by the letter."""
    verb, noun = header_text(root, "Verb"), header_text(root, "Noun")
    if verb != operation.verb:
        return f"Header/Verb is {verb!r}: the standard writes {operation.verb!r}"
    if noun not in _nouns(operation):
        wanted = operation.messages.header_noun
        return f"Header/Noun is {quoted(noun)}: the standard writes {wanted!r}"
    return ""


def _nouns(operation: Operation) -> tuple[str, ...]:
    messages = operation.messages
    return (messages.header_noun, messages.message, messages.noun)


def _of_content(
    step: Step, root: etree._Element, operation: Operation, values: dict[str, str]
) -> str:
    if fault := _of_part(root, operation):
        return fault
    fault = schema_fault(root, operation.messages, operation.verb)
    if fault and step.code != "1.8":
        return fault
    if not fault and step.code == "1.8":
        return "The message is valid: this step expects one that is not"
    content = root.find(f".//{operation.content}")
    if content is None:
        return ""
    return next(filter(None, (checked(check, root, content, values) for check in step.checks)), "")


def _of_part(root: etree._Element, operation: Operation) -> str:
    """Return what is wrong with the way from the root to the profile; empty when it is there."""
    part = root.find(f"{{*}}{operation.part}")
    wanted = etree.QName(operation.content)
    if part is None:
        return f"{operation.part} is missing: {operation.root} carries {wanted.localname} in it"
    if part.find(operation.content) is not None:
        return ""
    where = f"{operation.part}/{wanted.localname}"
    found = part.find(f"{{*}}{wanted.localname}")
    if found is not None:
        return wrong_space(found, where, wanted.namespace or "")
    return f"{where} is missing: {operation.root} needs it"


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
        reply = trials.reply_root(message)
        mrid = (next(reply.iter("{*}EndDeviceGroup")).findtext("{*}mRID") or "").strip()
    return mrid, name
