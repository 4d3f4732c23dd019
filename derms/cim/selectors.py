"""Reads of the message log: for the console's CIM page and for integrators."""

import zlib

from django.db.models import Q, QuerySet

from derms.cim.models import CimMessage
from derms.core.errors import NotFoundError


def list_messages(text: str = "") -> QuerySet[CimMessage]:
    """Return the log without the bodies.

    Args:
        text: Part of a MessageID, CorrelationID or details; empty = everything.
    """
    messages = CimMessage.objects.defer("request_body", "reply_body")
    if not text:
        return messages
    return messages.filter(
        Q(message_id__icontains=text)
        | Q(correlation_id__icontains=text)
        | Q(details__icontains=text)
    )


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
