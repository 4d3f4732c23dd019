"""Reads of the message log: for the console's CIM page and for integrators."""

import zlib
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from derms.cim.models import CimMessage
from derms.core.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; empty fields do not restrict. `q` is part of an ID or of the details."""

    noun: str = ""
    verb: str = ""
    client: str = ""
    result: str = ""
    message_id: str = ""
    correlation_id: str = ""
    q: str = ""


def list_messages(search: Search) -> QuerySet[CimMessage]:
    """Return the exchanges that match, without their bodies."""
    found = CimMessage.objects.defer("request_body", "reply_body")
    for field in ("noun", "verb", "result", "message_id", "correlation_id"):
        wanted = getattr(search, field)
        if wanted:
            found = found.filter(**{field: wanted})
    if search.client:
        found = found.filter(client_name=search.client)
    if search.q:
        found = found.filter(
            Q(message_id__icontains=search.q)
            | Q(correlation_id__icontains=search.q)
            | Q(details__icontains=search.q)
        )
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


def body_text(stored: bytes | memoryview) -> str:
    """Return a stored body as text; bytes that are no UTF-8 show as U+FFFD."""
    return zlib.decompress(stored).decode(errors="replace") if stored else ""
