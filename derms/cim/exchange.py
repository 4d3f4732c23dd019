"""One exchange from bytes to bytes: read, check, carry out once, reply, log.

The order: SOAP or another form, body root and SOAPAction, Header, permission, Verb and Noun,
parts, schema; then, in one transaction, the claim on the MessageID, the profile's work with a
savepoint per item, and the log with the reply last. What is refused as a whole leaves only its
log row and audit record.
Source: sections 3 and 6 of docs/standards/61968-5.md.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from django.db import OperationalError, transaction
from lxml import etree

from derms.audit import services as audit
from derms.audit.services import record_refused
from derms.cim import deferring, opening, registry, services
from derms.cim.envelope import (
    Header,
    ObjectId,
    Outcome,
    ReplyError,
    error_of,
    read_header,
    render_reply,
)
from derms.cim.forms import SOAP, Form
from derms.cim.operations import Operation
from derms.cim.registry import Call, Profile
from derms.cim.schema import MessageSet
from derms.cim.security import freshness
from derms.cim.security.admission import Admitted
from derms.cim.services import Answer, Entry
from derms.cim.soap import SoapFaultError
from derms.core.errors import (
    BusyError,
    DermsError,
    RuleViolationError,
    TooLargeError,
)

_log = logging.getLogger(__name__)
# Lock time-out, deadlock, serialisation failure: the same message may succeed in a moment.
_BUSY_STATES = {"55P03", "40P01", "40001"}
MAX_ITEMS = 1000
"""Groups or dispatches in one message."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One HTTP request that reached a CIM service, within the size limit and admitted.

    Attributes:
        path: Of the service.
        soap_action: As it was sent.
        body: What came in, byte by byte; for the log.
        admitted: Who sent it and what may be read of it (`derms.cim.security.admission`).
        form: In SOAP, bare or generic.
    """

    path: str
    soap_action: str
    body: bytes
    admitted: Admitted
    form: Form = SOAP


def receive(incoming: Incoming) -> Answer:
    """Answer one message; never raises for what the client sent."""
    admitted = incoming.admitted
    caller = admitted.caller
    entry = Entry(caller.actor, incoming.path, incoming.body, form=incoming.form)
    entry.signs = caller.client.signs_replies and incoming.form.is_soap
    entry.proofs = " ".join(sorted(caller.proofs))
    return serve(entry, admitted.root, admitted.fresh, soap_action=incoming.soap_action)


def serve(
    entry: Entry, root: etree._Element, fresh: freshness.Freshness, *, soap_action: str = ""
) -> Answer:
    """Answer one message for an actor that is known; never raises for what the message says.

    Args:
        entry: Actor, path, form and bytes; filled in on the way.
        root: The SOAP envelope, or the message itself in the other forms.
        fresh: What is left to check of its dates and nonces.
        soap_action: As it was sent.
    """
    try:
        message, profile = opening.find_operation(
            root, form=entry.form, path=entry.path, soap_action=soap_action
        )
    except SoapFaultError as error:
        return refuse(entry, error, messages_at(entry.path))
    header = read_header(message) or Header()
    operation = profile.operation
    entry.verb, entry.noun = operation.verb, operation.noun
    entry.message_id, entry.correlation_id = header.message_id, header.correlation_id
    entry.groups = services.groups_named(message)
    entry.drift_s = freshness.drift_of(message, entry.received_at)
    try:
        freshness.check(fresh, message, entry.request)
        content = opening.check_message(message, header, operation, entry.actor)
    except DermsError as error:
        refusal = Outcome(errors=(error_of(error),))
        answer = services.store_message(entry, _reply(operation, header, refusal, entry.form))
        audit_refusal(operation, entry, refusal)
        return answer
    call = Call(content, header, entry.actor)
    if header.wants_async:
        # Keeping it for later is an effect: done once, also for a query.
        profile = deferring.instead_of(profile)
    answers = _query if operation.verb == "get" and not header.wants_async else _execute
    answer, outcome = answers(profile, call, entry)
    audit_refusal(operation, entry, outcome)
    return answer


def messages_at(path: str) -> MessageSet | None:
    """Return the message set of the service at a path: what a fault there can say its noun by."""
    return next((p.operation.messages for p in registry.service_at(path).values()), None)


def refuse(entry: Entry, error: SoapFaultError, messages: MessageSet | None) -> Answer:
    """Answer with a SOAP fault, or a FaultMessage without SOAP; logged and audited."""
    status, body = entry.form.fault(error, messages)
    answer = Answer(status, body, "FAULT", error.code, error.message)
    noun = messages.noun if messages else "unknown"
    is_about_sender = error.fault.startswith("wsse:")
    record_refused(
        action="cim.admit" if is_about_sender else "cim.message",
        object_type="ApiClient" if is_about_sender else noun[:60],
        object_mrid=entry.actor.mrid if is_about_sender else "",
        reason=f"{error.code}: {error.message}"[:500],
        actor=entry.actor,
    )
    return services.store_message(entry, answer)


def _reply(operation: Operation, header: Header, outcome: Outcome, form: Form) -> Answer:
    reply = render_reply(operation.messages, header, outcome, is_generic=form.is_generic)
    return Answer(200, form.wrap(reply.xml), reply.result, reply.code, reply.details)


def _query(profile: Profile, call: Call, entry: Entry) -> tuple[Answer, Outcome]:
    """Answer a query. It has no effect, so a repeated one is answered afresh, never stale."""
    outcome = guarded(lambda: profile.handle(call))
    answer = _reply(profile.operation, call.header, outcome, entry.form)
    return services.store_message(entry, answer), outcome


def _execute(profile: Profile, call: Call, entry: Entry) -> tuple[Answer, Outcome]:
    """Carry a command out once, in one transaction with the log and the stored reply."""
    # The stored reply has the form of its request, so a MessageID is of one form.
    told = b"" if entry.form.is_soap else entry.form.name.encode()
    told += etree.tostring(call.content, with_tail=False)
    entry.digest = hashlib.sha256(told).hexdigest()
    kept: list[Answer] = []

    def work() -> Outcome:
        with transaction.atomic(), audit.collecting() as entry.changes:
            claimed = services.claim_message(entry)
            if isinstance(claimed, Answer):
                kept.append(claimed)
                return Outcome()
            outcome = profile.handle(call)
            if not outcome.final:
                transaction.set_rollback(True)
                return outcome
            answer = _reply(profile.operation, call.header, outcome, entry.form)
            answer = services.complete_message(claimed, entry, answer)
        kept.append(answer)
        return outcome

    outcome = guarded(work)
    if kept:
        return kept[0], outcome
    answer = _reply(profile.operation, call.header, outcome, entry.form)
    return services.store_message(entry, answer), outcome


def guarded(work: Callable[[], Outcome]) -> Outcome:
    """Run a profile; what it could not do becomes one error for the whole message."""
    try:
        return work()
    except DermsError as error:
        if error.cim_code == "5.3":
            _log.exception("internal error at the CIM door")
        return Outcome(errors=(error_of(error),))
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") not in _BUSY_STATES:
            _log.exception("database error at the CIM door")
            return _internal()
        return Outcome(errors=(error_of(BusyError("Somebody else is changing this; try again")),))
    except Exception:  # noqa: BLE001 - the door: what nobody foresaw is answered 5.3 and logged
        _log.exception("unexpected error at the CIM door")
        return _internal()


def _internal() -> Outcome:
    return Outcome(errors=(error_of(DermsError("internal error")),))


def audit_refusal(operation: Operation, entry: Entry, outcome: Outcome) -> None:
    """Record what was refused, once for a message, naming each thing of it that was.

    A question without an answer is no refused command.
    """
    errors = outcome.errors
    if not errors or (operation.verb == "get" and errors[0].code == "99.1"):
        return
    first = errors[0]
    record_refused(
        action=f"cim.{operation.verb}_{operation.noun}"[:60],
        object_type=(first.id.object_type if first.id else operation.noun)[:60],
        object_mrid=first.id.value[:128] if first.id and first.id.kind == "uuid" else "",
        reason=first.details[:500],
        asked={
            "message_id": entry.message_id,
            "errors": [_in_short(error) for error in errors[:100]],
        },
        actor=entry.actor,
    )


def _in_short(error: ReplyError) -> dict[str, str]:
    return {
        "code": error.code,
        "details": error.details[:500],
        "id": error.id.value if error.id else "",
    }


class Item(Protocol):
    """One group or dispatch of a message: it knows how the client pointed at it."""

    @property
    def about(self) -> ObjectId | None:
        """The ID for errors."""


_I = TypeVar("_I", bound=Item)
_T = TypeVar("_T")


def carry_out(
    items: Iterable[_I], act: Callable[[_I], _T], *, once: bool = False
) -> tuple[list[_T], tuple[ReplyError, ...]]:
    """Do each item in a savepoint of its own: the good ones stay, each bad one is one error.

    Args:
        items: Items of one message, in its order.
        act: Calls a service; raises DermsError when the item is refused.
        once: Refuse an object that stands in the message a second time: which of the two is
            meant nobody knows, and two hundred copies are work for nothing.

    Returns:
        Results of the good items, errors of the bad ones, both in order.

    Raises:
        TooLargeError: more than MAX_ITEMS items in one message (3.1).
    """
    wanted = list(islice(items, MAX_ITEMS + 1))
    if len(wanted) > MAX_ITEMS:
        raise TooLargeError(f"A message has at most {MAX_ITEMS} items")
    done: list[_T] = []
    errors: list[ReplyError] = []
    seen: set[ObjectId] = set()
    for item in wanted:
        try:
            if once and item.about is not None:
                _refuse_again(item.about, seen)
            with _savepoint():
                done.append(act(item))
        except DermsError as error:
            errors.append(error_of(error, item.about))
    return done, tuple(errors)


def _savepoint() -> AbstractContextManager[object]:
    """Return a savepoint inside a transaction; a query has none and leaves nothing to undo."""
    is_open = transaction.get_connection().in_atomic_block
    return transaction.atomic() if is_open else nullcontext()


def _refuse_again(about: ObjectId, seen: set[ObjectId]) -> None:
    if about in seen:
        raise RuleViolationError(
            f"{about.object_type} {about.value[:100]} stands in this message more than once",
            code="named_twice",
        )
    seen.add(about)
