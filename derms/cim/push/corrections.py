"""What a person does about messages that did not arrive: send again, discard, try the address.

For the REST door.
"""

import functools
from dataclasses import dataclass

from django.db import transaction

from derms.audit.services import record
from derms.cim import operations, soap
from derms.cim.envelope import render_event
from derms.cim.models import OutboundMessage, Partner
from derms.cim.push import routing, selectors, wake, wire
from derms.cim.push.verdict import judge
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError, RuleViolationError
from derms.core.ids import new_mrid


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of trying an address.

    Attributes:
        reached: True when somebody answered a CIM message, whatever the answer was.
        http_status: None without an answer.
        result: Result of the reply, or FAULT.
        code: Code of its first error.
        details: What went wrong, for people.
        duration_ms: Time from sending to the last byte.
    """

    reached: bool
    http_status: int | None = None
    result: str = ""
    code: str = ""
    details: str = ""
    duration_ms: float | None = None


def resend(*, mrid: str, actor: Actor) -> OutboundMessage:
    """Give a parked or waiting message a fresh set of tries, now, with the same MessageID.

    Raises:
        NotFoundError: no such message.
        RuleViolationError: it was delivered or discarded.
    """
    with transaction.atomic():
        message = _open(mrid)
        before = message.state
        _release([message])
        record(
            action="cim.resend",
            object_type="OutboundMessage",
            object_mrid=mrid,
            before={"state": before},
            after={"state": "waiting", "message_id": message.message_id},
            actor=actor,
        )
    return selectors.get_delivery(mrid)


def resend_parked(*, partner_mrid: str, actor: Actor) -> int:
    """Give every parked message of a partner a fresh set of tries; returns how many.

    Raises:
        NotFoundError: no such partner.
    """
    with transaction.atomic():
        partner = selectors.lock_partner(partner_mrid)
        parked = list(
            OutboundMessage.objects.select_for_update()
            .defer("body")
            .filter(partner=partner, state="parked")
            .order_by("id")
        )
        _release(parked)
        record(
            action="cim.resend_parked",
            object_type="Partner",
            object_mrid=partner_mrid,
            after={"messages": len(parked)},
            actor=actor,
        )
    return len(parked)


def _release(messages: list[OutboundMessage]) -> None:
    OutboundMessage.objects.filter(pk__in=[m.pk for m in messages]).update(
        state="waiting", attempts=0, not_before=None
    )
    for partner_id in {message.partner_id for message in messages}:
        Partner.objects.filter(pk=partner_id).update(not_before=None)
        transaction.on_commit(functools.partial(wake.ask, partner_id))


def discard(*, mrid: str, reason: str, actor: Actor) -> OutboundMessage:
    """Give a message up; what waits behind it in its groups has its turn.

    Raises:
        NotFoundError: no such message.
        InvalidInputError: no reason.
        RuleViolationError: it was delivered or discarded.
    """
    if not reason.strip():
        raise InvalidInputError("Say why it is discarded", field="reason")
    with transaction.atomic():
        message = _open(mrid)
        before = message.state
        OutboundMessage.objects.filter(pk=message.pk).update(
            state="discarded",
            finished_at=clock.now(),
            body=b"",
            last_error=f"Discarded by {actor.name}: {reason}"[:500],
        )
        record(
            action="cim.discard",
            object_type="OutboundMessage",
            object_mrid=mrid,
            before={"state": before},
            after={"state": "discarded", "reason": reason[:500]},
            actor=actor,
        )
        transaction.on_commit(functools.partial(wake.ask, message.partner_id))
    return selectors.get_delivery(mrid)


def _open(mrid: str) -> OutboundMessage:
    message = selectors.get_delivery(mrid, lock=True)
    if message.state not in ("waiting", "parked"):
        raise RuleViolationError(f"The message is {message.state} already", code="finished")
    return message


def try_address(*, partner_mrid: str, service: str, actor: Actor) -> Trial:
    """Send a message without content to one of a partner's services and say what came back.

    It has no effect there: without a profile in its Payload a service can only refuse it.

    Raises:
        NotFoundError: no such partner.
        InvalidInputError: no such service.
        RuleViolationError: the stored credentials cannot be read.
    """
    partner = selectors.get_partner(partner_mrid)
    known = (o for o in operations.OPERATIONS if o.is_event and o.service == service)
    operation = next(known, None)
    if operation is None:
        raise InvalidInputError(f"There is no service {service}", field="service")
    post = wire.Post(
        url=routing.address_of(partner, operation),
        soap_action=operation.soap_action,
        body=soap.wrap(render_event(operation, "", new_mrid())),
        authorization=routing.authorization_of(partner),
        connect_s=partner.connect_timeout_s,
        total_s=partner.timeout_s,
    )
    record(
        action="cim.try_address",
        object_type="Partner",
        object_mrid=partner_mrid,
        after={"service": service, "address": post.url},
        actor=actor,
    )
    try:
        answer = wire.send(post, wire.pool(partner.pk))
    except wire.AwayError as error:
        return Trial(reached=False, details=str(error))
    verdict = judge(answer, operation.messages)
    return Trial(
        reached=bool(verdict.result),
        http_status=answer.status,
        result=verdict.result,
        code=verdict.code,
        details=verdict.details,
        duration_ms=answer.elapsed_ms,
    )
