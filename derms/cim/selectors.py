"""Reads of the message log: for the console's CIM page, for integrators, and as evidence."""

import datetime as dt
import zlib
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from derms.accounts.permissions import has_permission
from derms.cim import personal
from derms.cim.models import CimMessage
from derms.cim.validation import first_fault
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import NotFoundError

_ROW = (
    *("mrid", "direction", "client_name", "address", "path", "verb", "noun", "message_id"),
    *("correlation_id", "request_correlation_id", "received_at", "duration_ms", "http_status"),
    *("result", "code", "details", "request_size", "reply_size", "replays", "proofs", "groups"),
    "replay_of",
)
NOT_OK = "NOT_OK"
"""Search for any result but OK."""
_RENAMED = {"client_name": "client", "request_correlation_id": "request_id"}
_MOST_IN_THREAD = 200
# As the indexes have it; the ORM's icontains compares upper case, which none of them does.
_TEXT = "(details ILIKE %s OR message_id LIKE %s OR correlation_id LIKE %s)"
_COUNTERS = """
SELECT client_name, direction, count(*), count(*) FILTER (WHERE result NOT IN ('OK', '')),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms),
    percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms), max(received_at)
FROM cim_cimmessage WHERE received_at >= %s AND replay_of = '' GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; empty fields do not restrict.

    Attributes:
        result: Of the reply, or NOT_OK.
        group: mRID or name of a group, as messages name it.
        start_at: Received at or after.
        end_at: Received before.
        q: Part of the details in upper or lower case, or the beginning of a MessageID or
            CorrelationID.
    """

    noun: str = ""
    verb: str = ""
    client: str = ""
    direction: str = ""
    result: str = ""
    code: str = ""
    message_id: str = ""
    correlation_id: str = ""
    group: str = ""
    start_at: dt.datetime | None = None
    end_at: dt.datetime | None = None
    q: str = ""


@dataclass(frozen=True, slots=True)
class Counters:
    """What went on with one partner in one direction; latencies in ms."""

    client: str
    direction: str
    messages: int
    failed: int
    median_ms: float | None
    p95_ms: float | None
    last_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """The two bodies of an exchange as one reader may see them.

    Attributes:
        request_xml: What came in (or went out to a partner), as text.
        reply_xml: What went back.
        masked: Personal data are hidden in them.
        request_fault: First violation of our schema in the request; empty when it is valid.
        reply_fault: The same of the reply.
    """

    request_xml: str
    reply_xml: str
    masked: bool
    request_fault: str
    reply_fault: str


def list_messages(search: Search) -> QuerySet[CimMessage]:
    """Return the exchanges that match, without their bodies."""
    found = CimMessage.objects.defer("request_body", "reply_body", "changed")
    if search.result == NOT_OK:
        found = found.exclude(result__in=["OK", ""])
        search = replace(search, result="")
    for field in ("noun", "verb", "direction", "result", "code", "message_id", "correlation_id"):
        wanted = getattr(search, field)
        if wanted:
            found = found.filter(**{field: wanted})
    if search.client:
        found = found.filter(client_name=search.client)
    if search.group:
        found = found.filter(groups__contains=[search.group])
    if search.start_at:
        found = found.filter(received_at__gte=search.start_at)
    if search.end_at:
        found = found.filter(received_at__lt=search.end_at)
    if search.q:
        text = search.q.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        values = [f"%{text}%", f"{text}%", f"{text}%"]
        found = found.extra(where=[_TEXT], params=values)  # noqa: S610 - constant SQL, bound values
    return found


def get_message(mrid: str) -> CimMessage:
    """Return one exchange with its bodies.

    Raises:
        NotFoundError: no such exchange.
    """
    message = CimMessage.objects.filter(mrid=mrid).first()
    if message is None:
        raise NotFoundError(f"There is no message {mrid}.")
    return message


def list_thread(mrid: str) -> list[CimMessage]:
    """Return the conversation an exchange is part of, oldest first, at most 200.

    Those with its CorrelationID, the one whose MessageID that is, and replays of it or beside it.

    Raises:
        NotFoundError: no such exchange.
    """
    message = get_message(mrid)
    thread = message.correlation_id or message.message_id
    first = message.replay_of or message.mrid
    which = Q(mrid__in=[mrid, first]) | Q(replay_of=first)
    if thread:
        which |= Q(correlation_id=thread) | Q(message_id=thread)
    found = CimMessage.objects.defer("request_body", "reply_body", "changed").filter(which)
    return list(found.order_by("received_at", "pk")[:_MOST_IN_THREAD])


def count_by_partner(*, hours: float = 24) -> list[Counters]:
    """Return messages, errors and latencies of each partner over the last hours."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTERS, [clock.now() - dt.timedelta(hours=hours)])
        return [Counters(*row) for row in cursor.fetchall()]


def live_rows(**which: Any) -> list[dict[str, Any]]:
    """Return exchanges in the shape of the REST list, for browsers that follow the log."""
    found = CimMessage.objects.filter(**which).order_by("-received_at", "-pk")
    return [live_row(message) for message in found.only(*_ROW)[:50]]


def live_row(message: CimMessage) -> dict[str, Any]:
    """Return one exchange in the shape of the REST list; asks nothing of the database."""
    return {_RENAMED.get(key, key): getattr(message, key) for key in _ROW}


def body_text(stored: bytes | memoryview) -> str:
    """Return a stored body as text; bytes that are no UTF-8 show as U+FFFD."""
    return zlib.decompress(stored).decode(errors="replace") if stored else ""


def shown_text(stored: bytes | memoryview, actor: Actor) -> str:
    """Return a stored body as this reader may see it: personal data hidden without the right."""
    text = body_text(stored)
    return text if may_see_personal(actor) else personal.masked(text)


def may_see_personal(actor: Actor) -> bool:
    """Say whether a reader may see names, addresses and user ids in messages."""
    return has_permission(actor, "cim.personal")


def show_bodies(message: CimMessage, actor: Actor) -> Shown:
    """Return the bodies of an exchange with what our schemas say of them."""
    request_xml = shown_text(message.request_body, actor)
    reply_xml = shown_text(message.reply_body, actor)
    return Shown(
        request_xml=request_xml,
        reply_xml=reply_xml,
        masked=(request_xml, reply_xml)
        != (body_text(message.request_body), body_text(message.reply_body)),
        # Of what is shown: the sentence quotes values.
        request_fault=first_fault(request_xml.encode()) if request_xml else "",
        reply_fault=first_fault(reply_xml.encode()) if reply_xml else "",
    )
