"""Reads of the audit chain: search, and the stream that verification walks."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet

from derms.audit.models import AuditHead, AuditRecord
from derms.audit.rules.chain import GENESIS, Link
from derms.audit.rules.record import HEAD_SQL

_BATCH = 5000
_STREAM = f"""
SELECT seq, prev_hash, hash, payload, {HEAD_SQL}
FROM audit_auditrecord WHERE seq IS NOT NULL ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; empty fields do not restrict."""

    actor: str = ""
    action: str = ""
    outcome: str = ""
    object_type: str = ""
    object_mrid: str = ""
    correlation_id: str = ""
    start_at: dt.datetime | None = None
    end_at: dt.datetime | None = None


def list_records(search: Search) -> QuerySet[AuditRecord]:
    """Return matching records, newest first; `action` also matches by `room.` prefix."""
    rows = AuditRecord.objects.order_by("-id")
    for field in ("outcome", "object_type", "object_mrid", "correlation_id"):
        wanted = getattr(search, field)
        if wanted:
            rows = rows.filter(**{field: wanted})
    if search.actor:
        rows = rows.filter(actor_name=search.actor)
    if search.action:
        rows = rows.filter(action__startswith=search.action)
    if search.start_at:
        rows = rows.filter(at__gte=search.start_at)
    if search.end_at:
        rows = rows.filter(at__lt=search.end_at)
    return rows


def get_head() -> tuple[int, str]:
    """Return length and last hash of the chain as the head row has them; (0, "") without one."""
    row = AuditHead.objects.values_list("seq", "hash").first()
    return row or (0, GENESIS)


def find_hash(seq: int) -> str | None:
    """Return the hash of the record with this number; None when it is not there."""
    return AuditRecord.objects.filter(seq=seq).values_list("hash", flat=True).first()


def count_unsealed() -> int:
    """Return how many records were never sealed; triggers were off when they were written."""
    return AuditRecord.objects.filter(seq__isnull=True).count()


def stream_chain() -> Iterator[list[Link]]:
    """Yield the chain in order of number, in batches.

    Runs on a server-side cursor, so memory does not grow with the chain.
    """
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_STREAM)
        while rows := cursor.fetchmany(_BATCH):
            yield [Link._make(row) for row in rows]
