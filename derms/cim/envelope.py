"""The 61968-100 envelope: header, errors, outcome, reply; and the one place where errors get codes.

Used by the engine and by the noun modules. Source: IEC 61968-100 envelope (Header, Reply, Error).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from lxml import etree

from derms.cim import names
from derms.cim.markup import leaf, node, text
from derms.cim.operations import Operation
from derms.cim.schema import MessageSet
from derms.core import clock, correlation
from derms.core.errors import DermsError
from derms.core.ids import new_mrid

_REASONS = {
    "0.3": "Simple acknowledgment",
    "1.5": "Mandatory Header elements missing",
    "1.6": "Mandatory Request elements missing",
    "1.7": "Mandatory Payload elements missing",
    "1.8": "Request does not validate against the schema",
    "2.4": "Invalid Meter",
    "2.5": "Invalid Noun",
    "2.6": "Invalid ReadingType",
    "2.9": "Invalid Verb",
    "2.10": "Unsupported ReadingType",
    "2.15": "Invalid Request ID(s)",
    "2.29": "Object relationship mismatch",
    "3.1": "Too many items in request",
    "3.2": "Too many pending requests",
    "5.1": "System is busy, try again",
    "5.3": "Attempted and failed",
    "5.4": "More errors than are listed",
    "5.9": "Aborted to keep transactional integrity",
    "6.1": "Request cancelled per business rule",
    "6.2": "Request on hold",
    "7.1": "Temporary authentication failure",
    "7.3": "Authentication mechanism insufficient",
    "7.4": "Authentication failure",
    "7.5": "Not authorized",
    "7.6": "Encryption required",
    "7.7": "Policy violation",
    "99.1": "Object does not exist",
}


@dataclass(frozen=True, slots=True)
class Header:
    """What the engine reads from a request's Header; absent text is empty."""

    verb: str = ""
    noun: str = ""
    message_id: str = ""
    correlation_id: str = ""
    wants_async: bool = False
    reply_address: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True)
class ObjectId:
    """The object an error is about.

    Attributes:
        value: mRID or name, as the request gave it.
        kind: `uuid` for an mRID, `name` for a name, `transaction` for a message.
        object_type: e.g. `DERGroup`, `EndDevice`.
    """

    value: str
    kind: str
    object_type: str = ""

    def render(self, tag: str) -> str:
        """Return the element, named `m:ID` or `m:relatedID`."""
        return node(tag, text(self.value), kind=self.kind, objectType=self.object_type or None)


@dataclass(frozen=True, slots=True)
class ReplyError:
    """One Error of a Reply. Reason is the code's, details are the case's.

    Level is FATAL, but INFORM for the notes of an `Outcome`.
    """

    code: str
    details: str
    id: ObjectId | None = None
    related: ObjectId | None = None
    retry: bool = False
    operation_id: int | None = None

    def render(self, level: str = "FATAL") -> str:
        """Return the `m:Error` element."""
        return node(
            "m:Error",
            leaf("m:code", self.code),
            leaf("m:level", level),
            leaf("m:reason", _REASONS.get(self.code, "Request refused")),
            leaf("m:details", self.details),
            self.id.render("m:ID") if self.id else "",
            self.related.render("m:relatedID") if self.related else "",
            leaf("m:operationId", self.operation_id),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a profile did with a request.

    Attributes:
        errors: One per thing that was refused.
        payload: XML to go into the reply's Payload, without the Payload element; may be empty.
        done: How many items were carried out or answered.
        operation_id: The one operation of an OperationSet this answers; None for several.
        notes: What the client must know of things that were accepted, such as 6.2, on hold: not
            all of it is done yet, so the result is PARTIAL, never OK; but 0.3, a mere
            acknowledgment, is OK.
    """

    errors: tuple[ReplyError, ...] = ()
    payload: str = ""
    done: int = 0
    operation_id: int | None = None
    notes: tuple[ReplyError, ...] = ()

    @property
    def result(self) -> str:
        """OK, PARTIAL with notes, FAILED, or for a mixture what CIM_MIXED_RESULT says."""
        if not self.errors:
            return "PARTIAL" if any(note.code != "0.3" for note in self.notes) else "OK"
        return str(settings.CIM_MIXED_RESULT) if self.done else "FAILED"

    @property
    def final(self) -> bool:
        """False when sending the very same message again may end differently by itself."""
        return self.done > 0 or not any(error.retry for error in self.errors)


@dataclass(frozen=True, slots=True)
class Reply:
    """A rendered response or fault message, and what the message log keeps of it."""

    xml: str
    result: str
    code: str
    details: str
    message_id: str = ""


def error_of(error: DermsError, about: ObjectId | None = None) -> ReplyError:
    """Translate an error of the house into a reply error: the only place where that is done.

    Args:
        error: Services name the object at fault by the params `id`, `id_kind`, `object_type`.
        about: The item the error happened in: the ID when the error names none, else the related
            ID when it is another object (a bad member of a group, say).
    """
    named = error.params
    own = about
    if named.get("id"):
        kind, object_type = named.get("id_kind", "uuid"), named.get("object_type", "")
        own = ObjectId(str(named["id"]), str(kind), str(object_type))
    details = error.message
    if error.cim_code == "5.3":
        details = f"Something went wrong inside; quote request {correlation.current()}"
    related = about if own and about and own.object_type != about.object_type else None
    return ReplyError(error.cim_code, details, own, related, retry=error.retry)


def read_header(root: etree._Element) -> Header | None:
    """Return the header of a message, its Verb folded to lower case in the tree; None if absent.

    Clients send `CREATE` and `Change`; the schema knows lower case only, so folding comes first.
    """
    wrapper = root.tag[: root.tag.index("}") + 1]
    element = root.find(f"{wrapper}Header")
    if element is None:
        return None
    verb = element.find(f"{{{names.ENVELOPE}}}Verb")
    if verb is not None and verb.text:
        verb.text = verb.text.strip().lower()

    def read(name: str) -> str:
        return (element.findtext(f"{{{names.ENVELOPE}}}{name}") or "").strip()

    return Header(
        read("Verb"),
        read("Noun"),
        read("MessageID"),
        read("CorrelationID"),
        wants_async=read("AsyncReplyFlag") in ("true", "1"),
        reply_address=read("ReplyAddress"),
        context=read("Context"),
    )


def _reply_part(outcome: Outcome) -> str:
    shown = [error.render() for error in outcome.errors]
    shown += [note.render("INFORM") for note in outcome.notes]
    return node(
        "Reply",
        leaf("m:Result", outcome.result),
        *(shown or [node("m:Error", leaf("m:code", "0.0"))]),
        leaf("m:operationId", outcome.operation_id),
    )


def render_reply(
    messages: MessageSet, request: Header, outcome: Outcome, *, is_generic: bool = False
) -> Reply:
    """Return the ResponseMessage: own MessageID, the request's correlation, errors, payload.

    The CorrelationID is the request's, else the request's MessageID, else left out. A refusal
    without any good part has no Payload at all, because the schema wants the noun inside it.
    A generic one is named `ResponseMessage`, whatever the noun.
    """
    follows = request.correlation_id or request.message_id
    message_id = new_mrid()
    header = node(
        "Header",
        leaf("m:Verb", "reply"),
        leaf("m:Noun", messages.header_noun),
        _timestamp(),
        leaf("m:MessageID", message_id),
        leaf("m:CorrelationID", follows or None),
    )
    payload = node("Payload", outcome.payload) if outcome.payload else ""
    named = None if is_generic else messages
    tag = f"{named.message if named else ''}ResponseMessage"
    body = header + _reply_part(outcome) + payload
    xml = node(tag, body, **_namespaces(named))
    first = next(iter((*outcome.errors, *outcome.notes)), None)
    code, details = (first.code, first.details) if first else ("0.0", "")
    return Reply(xml, outcome.result, code, details, message_id)


def render_fault(messages: MessageSet | None, error: ReplyError) -> str:
    """Return the `<Noun>FaultMessage` for the detail of a SOAP fault; the generic one for None."""
    body = _reply_part(Outcome(errors=(error,)))
    noun = messages.message if messages else ""
    return node(f"{noun}FaultMessage", body, **_namespaces(messages))


def render_event(
    operation: Operation, payload: str, message_id: str, correlation_id: str = ""
) -> str:
    """Return a message that we send to a partner, without SOAP around it (`soap.wrap`).

    Args:
        operation: What it says, e.g. `operations.find("DERGroupStatuses", "changed")`.
        payload: XML to go into the Payload, e.g. `<DERGroupStatuses xmlns=...>`; for an operation
            set what `render_operation_set` returns.
        message_id: Ours, and the same one for every attempt to deliver it.
        correlation_id: Of the request this answers; left out when empty.

    Source: IEC 61968-100 EventMessage; section 3 of docs/standards/61968-5.md.
    """
    header = node(
        "Header",
        leaf("m:Verb", operation.verb),
        leaf("m:Noun", operation.messages.header_noun),
        _timestamp(),
        leaf("m:MessageID", message_id),
        leaf("m:CorrelationID", correlation_id or None),
    )
    body = header + node("Payload", payload)
    return node(operation.root, body, **_namespaces(operation.messages))


def render_operation_set(operations: Iterable[tuple[str, bool, str]], noun: str) -> str:
    """Return an `OperationSet` for the Payload of `render_event`.

    Args:
        operations: Verb, whether it is about the elements listed (elementOperation), and the
            profile as XML; numbered from 1 in this order.
        noun: Noun of the operations, e.g. `DERGroups`.
    """
    shown = [
        render_operation(number, noun, verb, profile, on_elements=on_elements)
        for number, (verb, on_elements, profile) in enumerate(operations, start=1)
    ]
    return node("OperationSet", *shown)


def render_operation(
    number: int, noun: str, verb: str, profile: str, *, on_elements: bool = False
) -> str:
    """Return one `Operation` of an OperationSet.

    Args:
        number: operationId.
        noun: e.g. `DERGroups`.
        verb: e.g. `delete`.
        profile: The content as XML.
        on_elements: The verb is about the elements listed, not about the object.
    """
    return node(
        "m:Operation",
        leaf("m:operationId", number),
        leaf("m:noun", noun),
        leaf("m:verb", verb),
        leaf("m:elementOperation", on_elements),
        profile,
    )


def _timestamp() -> str:
    return leaf("m:Timestamp", clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"))


def _namespaces(messages: MessageSet | None) -> dict[str, str | None]:
    own = names.wrapper(messages.message) if messages else names.ENVELOPE
    return {"xmlns": own, "xmlns:m": names.ENVELOPE}
