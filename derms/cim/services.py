"""The message log: what came in, what went out, and one effect per client and MessageID.

A message that has effects claims its MessageID by inserting its row first, in the transaction
that carries it out. A second sender of the same message waits in the database until the first has
committed, and finds the stored reply. Source: section 6 row 21 of docs/standards/61968-5.md.
"""

import dataclasses
import datetime as dt
import hashlib
import time
import zlib
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, connection, models, transaction
from lxml import etree

from derms.audit import services as audit
from derms.audit.services import Change
from derms.cim import selectors
from derms.cim.forms import SOAP, Form
from derms.cim.models import CimMessage
from derms.cim.security import signing
from derms.core import clock, correlation
from derms.core.actors import Actor
from derms.core.errors import RuleViolationError
from derms.core.ids import new_mrid
from derms.live.services import push_tick

LIVE_TOPIC = "cim"
_GROUP = "DERGroup"
_MOST_GROUPS = 200
_WAIT_S = 10
"""How long a second sender of a message waits for the first one's reply."""


@dataclass(slots=True)
class Entry:
    """What is known about one incoming message; filled in while it is read."""

    actor: Actor
    path: str
    request: bytes
    verb: str = ""
    noun: str = ""
    message_id: str = ""
    correlation_id: str = ""
    digest: str = ""
    form: Form = SOAP
    signs: bool = False
    proofs: str = ""
    groups: tuple[str, ...] = ()
    changes: list[Change] = field(default_factory=list)
    drift_s: float | None = None
    replay_of: str = ""
    mrid: str = field(default_factory=new_mrid)
    received_at: dt.datetime = field(default_factory=clock.now)
    _started: float = field(default_factory=time.perf_counter)

    def elapsed_ms(self) -> float:
        """Return the time since the message came in [ms]."""
        return (time.perf_counter() - self._started) * 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client, and what the log says about it."""

    http_status: int
    body: bytes
    result: str
    code: str
    details: str = ""


def _short(value: str, limit: int) -> str:
    """Return an identifier that fits its column: itself, or its hash when it is too long."""
    if len(value) <= limit:
        return value
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"


def _row(entry: Entry) -> CimMessage:
    return CimMessage(
        mrid=entry.mrid,
        direction="in",
        client_id=entry.actor.mrid,
        client_name=entry.actor.name[:64],
        address=entry.actor.address[:64],
        path=entry.path[:120],
        verb=entry.verb[:12],
        noun=entry.noun[:60],
        message_id=_short(entry.message_id, 128),
        correlation_id=_short(entry.correlation_id, 128),
        request_correlation_id=correlation.current()[:64],
        received_at=entry.received_at,
        request_size=len(entry.request),
        request_body=zlib.compress(entry.request, level=1),
        digest=entry.digest,
        proofs=entry.proofs,
        groups=list(entry.groups),
        drift_s=entry.drift_s,
        replay_of=entry.replay_of,
    )


def _outcome(entry: Entry, answer: Answer) -> dict[str, Any]:
    return {
        "duration_ms": entry.elapsed_ms(),
        "http_status": answer.http_status,
        "result": answer.result,
        "code": answer.code,
        "details": answer.details[:500],
        "reply_size": len(answer.body),
        "reply_body": zlib.compress(answer.body, level=1),
    }


def store_message(entry: Entry, answer: Answer) -> Answer:
    """Log an exchange that had no effect: a query, a refusal, a fault. It may be sent again.

    Returns:
        The answer as it goes out: signed, when the client's policy says so.
    """
    answer = _sealed(entry, answer)
    row = _row(entry)
    _set(row, _outcome(entry, answer))
    row.save(force_insert=True)
    _show(row)
    return answer


def _set(row: CimMessage, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _show(row: CimMessage) -> None:
    """Tell the browsers that look at the log, once the row can be read."""
    transaction.on_commit(lambda: push_tick(LIVE_TOPIC, [selectors.live_row(row)]))


def show_message(mrid: str) -> None:
    """Tell the browsers of an exchange that was logged or has changed, after the commit."""
    transaction.on_commit(lambda: push_tick(LIVE_TOPIC, selectors.live_rows(mrid=mrid)))


def _sealed(entry: Entry, answer: Answer) -> Answer:
    """Return the answer signed for a client that wants it so; a stored one is signed afresh."""
    if not entry.signs:
        return answer
    return dataclasses.replace(answer, body=signing.sign(answer.body))


def claim_message(entry: Entry) -> CimMessage | Answer:
    """Take the MessageID for this message, or find the reply of the first time.

    Must run inside the transaction that carries the message out.

    Returns:
        The row for `complete_message`, or the stored answer of the same message.

    Raises:
        RuleViolationError: the MessageID was used for a different message (CIM 6.1).
        OperationalError: the first sender did not finish within the waiting time (lock time-out).
    """
    row = _row(entry)
    row.holds_message_id = bool(entry.message_id)
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{_WAIT_S}s'")
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return _sealed(entry, _earlier(row))
    return row


def _earlier(row: CimMessage) -> Answer:
    first = CimMessage.objects.get(
        client_id=row.client_id, message_id=row.message_id, holds_message_id=True
    )
    if (first.verb, first.noun, first.digest) != (row.verb, row.noun, row.digest):
        raise RuleViolationError(
            f"MessageID {row.message_id} was used before for a different message",
            code="message_id_reused",
            object_type="Message",
            id_kind="transaction",
            id=row.message_id,
        )
    CimMessage.objects.filter(pk=first.pk).update(replays=models.F("replays") + 1)
    return Answer(
        first.http_status or 200,
        zlib.decompress(first.reply_body),
        first.result,
        first.code,
        first.details,
    )


def complete_message(row: CimMessage, entry: Entry, answer: Answer) -> Answer:
    """Store the reply with a claimed message: the last write of its transaction.

    Returns:
        The answer as it goes out: signed, when the client's policy says so.
    """
    answer = _sealed(entry, answer)
    changes = audit.kept(entry.changes)
    values = _outcome(entry, answer) | {
        "changed": [
            {"action": c.action, "object_type": c.object_type, "mrid": c.object_mrid}
            for c in changes
        ],
        "groups": _with_changed(entry.groups, changes),
    }
    _set(row, values)
    CimMessage.objects.filter(pk=row.pk).update(**values)
    _show(row)
    return answer


def _with_changed(named: tuple[str, ...], changes: list[Change]) -> list[str]:
    """Return the groups a message names and those it has changed, an assigned mRID among them."""
    changed = [c.object_mrid for c in changes if c.object_type == _GROUP]
    return list(dict.fromkeys([*named, *changed]))


def groups_named(message: etree._Element) -> tuple[str, ...]:
    """Return the mRIDs and names of groups in a message, at most 200, in its order."""
    found: dict[str, None] = {}
    for tag in ("{*}EndDeviceGroup", "{*}EndDeviceGroups"):
        for group in message.iter(tag):
            for part in (*group.iterfind("{*}mRID"), *group.iterfind("{*}Names/{*}name")):
                value = (part.text or "").strip()
                if value and len(found) < _MOST_GROUPS:
                    found[value[:200]] = None
    return tuple(found)


def forget_messages(*, older_than: dt.timedelta, batch: int = 5000) -> int:
    """Delete exchanges received longer ago than this, in batches; return how many.

    With an exchange goes the hold on its MessageID: DERMS_CIM_MESSAGE_RETENTION_DAYS is at least
    a day and DERMS_CIM_CLOCK_SKEW_S at most an hour, so no message that still counts as fresh can
    find its MessageID free again.
    """
    before, total = clock.now() - older_than, 0
    while True:
        oldest = CimMessage.objects.filter(received_at__lt=before).order_by("received_at")
        keys = list(oldest.values_list("pk", flat=True)[:batch])
        CimMessage.objects.filter(pk__in=keys).delete()
        total += len(keys)
        if len(keys) < batch:
            return total
