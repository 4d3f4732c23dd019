"""What the partner bench needs of the engine: exchanges with one client, and messages to one.

For the conformance room, which sees the log as evidence and sends what nobody subscribed to.
Delivery and log are those of every other message to a partner.
"""

import datetime as dt
import functools
import zlib
from dataclasses import dataclass
from typing import TypeAlias

from django.db import models, transaction
from django.db.models import QuerySet
from lxml import etree

from derms.cim import soap
from derms.cim.choices import PushState
from derms.cim.envelope import render_event
from derms.cim.models import CimMessage, OutboundMessage, Partner
from derms.cim.operations import Operation
from derms.cim.push import wake, wire
from derms.cim.push.selectors import find_partner_of_client
from derms.core import clock
from derms.core.errors import RuleViolationError
from derms.core.ids import new_mrid

Message: TypeAlias = CimMessage
"""What other rooms may name of our rows."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a message to a partner stands.

    Attributes:
        over: No further try is made.
        delivered: The partner took it.
        result: Result of its reply.
        code: Code of the first error of its reply.
        details: What went wrong, or what is not valid in a reply that says OK.
        duration_ms: Time from sending to the last byte of the reply; None without one.
        http_status: Of the last answer; None when there was none.
        reply: Body of the last answer, as it came.
        message_id: MessageID of what we sent.
        answered_at: About when the last try was answered.
    """

    over: bool
    delivered: bool
    result: str
    code: str
    details: str
    duration_ms: float | None
    http_status: int | None
    reply: bytes
    message_id: str
    answered_at: dt.datetime


def received_from(client_mrid: str, *, since: dt.datetime) -> QuerySet[Message]:
    """Return what a client has sent since an instant, oldest first."""
    found = CimMessage.objects.filter(
        client_id=client_mrid, direction="in", received_at__gte=since, http_status__isnull=False
    )
    return found.order_by("received_at", "pk")


def last_received_at(mrids: list[str]) -> dt.datetime | None:
    """Return when the last of these messages came in; None when none of them did."""
    found = CimMessage.objects.filter(mrid__in=mrids, direction="in")
    at: dt.datetime | None = found.aggregate(at=models.Max("received_at"))["at"]
    return at


def repetitions(mrids: list[str]) -> int:
    """Return how often messages of the log came once more, all together."""
    found = CimMessage.objects.filter(mrid__in=mrids).aggregate(count=models.Sum("replays"))
    return found["count"] or 0


def message_ids(mrids: list[str]) -> dict[str, str]:
    """Return the MessageIDs of exchanges, those on their way to a partner among them."""
    found = dict(CimMessage.objects.filter(mrid__in=mrids).values_list("mrid", "message_id"))
    waiting = OutboundMessage.objects.filter(mrid__in=mrids)
    return dict(waiting.values_list("mrid", "message_id")) | found


def find_exchange(mrid: str) -> Message | None:
    """Return an exchange of the log; None when it is not there (any more)."""
    return CimMessage.objects.filter(mrid=mrid).first()


def request_of(message: Message) -> bytes:
    """Return a request as it was on the wire."""
    return zlib.decompress(message.request_body) if message.request_body else b""


def reply_root(message: Message) -> etree._Element:
    """Return the root of our reply to a message of the log."""
    return soap.parse(zlib.decompress(message.reply_body))


def find_answer(client_mrid: str, request_mrid: str) -> str:
    """Return the mRID of the asynchronous reply to a request of the log; empty while there is none.

    The reply follows the request's CorrelationID, or its MessageID.
    """
    request = CimMessage.objects.get(mrid=request_mrid)
    follows = request.correlation_id or request.message_id
    found = OutboundMessage.objects.filter(
        partner__client__mrid=client_mrid,
        verb="reply",
        correlation_id=follows,
        created_at__gte=request.received_at,
    )
    return found.order_by("pk").values_list("mrid", flat=True).first() or ""


def reply_address(client_mrid: str) -> str:
    """Return the first ReplyAddress registered for a client; empty without one."""
    partner = find_partner_of_client(client_mrid)
    return partner.reply_addresses[0] if partner and partner.reply_addresses else ""


def endpoint_changed_at(client_mrid: str) -> dt.datetime | None:
    """Return when the endpoint of a client was last changed; None without one."""
    partner = find_partner_of_client(client_mrid)
    return partner.modified_at if partner else None


def endpoint_certificate_until(client_mrid: str) -> dt.datetime | None:
    """Ask the endpoint of a client for its TLS certificate; returns when that ends.

    Returns:
        None without an endpoint, without TLS, or when nobody answers.
    """
    partner = find_partner_of_client(client_mrid)
    if partner is None:
        return None
    return wire.certificate_until(partner.base_url, partner.connect_timeout_s)


def tell(client_mrid: str, operation: Operation, payload: str, group_mrid: str) -> str:
    """Write one message to the partner that a client is; returns its mRID.

    Raises:
        RuleViolationError: the client has no endpoint, or it is switched off.
    """
    message_id = new_mrid()
    body = soap.wrap(render_event(operation, payload, message_id))
    return _write(client_mrid, operation, body, message_id, group_mrid)


def tell_again(client_mrid: str, operation: Operation, mrid: str) -> str:
    """Write a delivered message once more, byte by byte; returns the mRID of the new delivery.

    Raises:
        RuleViolationError: the client has no endpoint, or the message is not in the log.
    """
    first = CimMessage.objects.filter(mrid=mrid).first()
    if first is None:
        raise RuleViolationError("The first message is not in the log any more")
    body = zlib.decompress(first.request_body)
    group = first.groups[0] if first.groups else ""
    return _write(client_mrid, operation, body, first.message_id, group)


def _write(
    client_mrid: str, operation: Operation, body: bytes, message_id: str, group_mrid: str
) -> str:
    partner = find_partner_of_client(client_mrid)
    if partner is None:
        raise RuleViolationError(
            "This client has no endpoint, or it is switched off: an engineer enters it on the page "
            "Partners.",
            code="no_endpoint",
        )
    row = OutboundMessage.objects.create(
        partner=partner,
        noun=operation.messages.header_noun,
        verb=operation.verb,
        groups=[group_mrid] if group_mrid else [],
        message_id=message_id,
        body=zlib.compress(body, level=1),
        created_at=clock.now(),
    )
    # What was wrong before may be mended: the bench does not wait for the back-off.
    Partner.objects.filter(pk=partner.pk).update(not_before=None)
    transaction.on_commit(functools.partial(wake.ask, partner.pk))
    return row.mrid


def told(mrid: str) -> Told:
    """Return how a message to a partner stands."""
    row = OutboundMessage.objects.get(mrid=mrid)
    logged = CimMessage.objects.filter(mrid=mrid).first() or CimMessage()
    return Told(
        over=row.state != PushState.WAITING,
        delivered=row.state == PushState.DELIVERED,
        result=row.result,
        code=row.code,
        details=logged.details or row.last_error,
        duration_ms=logged.duration_ms,
        http_status=row.http_status,
        reply=zlib.decompress(logged.reply_body) if logged.reply_body else b"",
        message_id=row.message_id,
        answered_at=row.finished_at or row.last_tried_at or row.created_at,
    )


def give_up(mrid: str) -> None:
    """Send a message no more; one that is delivered stays so."""
    OutboundMessage.objects.filter(mrid=mrid, state__in=("waiting", "parked")).update(
        state=PushState.DISCARDED, finished_at=clock.now(), body=b""
    )
