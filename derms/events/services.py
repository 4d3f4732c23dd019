"""Publish a fact in the transaction that causes it; relay it to its subscribers afterwards."""

import datetime as dt
import logging
import time

import msgspec
import redis
from celery import current_app
from django.db import transaction
from django.db.models import F, Func, Q, QuerySet, Value
from kombu.exceptions import OperationalError

from derms.core import clock, correlation, metrics, valkey
from derms.events import registry
from derms.events.events import FactParked
from derms.events.models import OutboxFact

RELAY_TASK = "derms.events.tasks.relay"
MAX_ATTEMPTS = 5
_CHUNK = 50
_LEASE = dt.timedelta(seconds=60)
_BACK_OFF_S = (1, 5, 30, 120)
_WAKE_KEY = "derms:relay:wake"
_log = logging.getLogger(__name__)


class _TakenOverError(Exception):
    """Another relay holds the fact by now; roll back what this handler did."""


def publish(fact: registry.Fact) -> None:
    """Write a fact to the outbox within the current transaction and wake the relay on commit.

    Args:
        fact: Frozen dataclass with a class variable `topic`; dates, UUIDs and tuples are allowed.
    """
    OutboxFact.objects.create(
        topic=fact.topic,
        payload=msgspec.to_builtins(fact),
        correlation_id=correlation.current(),
        created_at=clock.now(),
    )
    transaction.on_commit(_wake)


def _wake() -> None:
    """Ask for one relay run. A burst of commits asks once; the 1-s sweep covers a lost wake."""
    try:
        if valkey.client().set(_WAKE_KEY, b"1", nx=True, px=5000):
            current_app.send_task(RELAY_TASK, queue="core", expires=30)
    except (redis.RedisError, OperationalError):
        _log.warning("relay not woken; the sweep will find the facts", exc_info=True)


def _forget_wake() -> None:
    try:
        valkey.client().delete(_WAKE_KEY)
    except redis.RedisError:
        _log.warning("wake key not cleared; it expires by itself")


def relay(limit: int = 500) -> int:
    """Deliver waiting facts to their subscribers, lowest number first.

    1. Claim a chunk with SKIP LOCKED: one more attempt, and a lease until `not_before`.
    2. Run every handler in its own transaction together with the note that it had the fact, so
       its database effects happen exactly once even when the lease is overrun.
    3. A raising handler delays only its own fact: back-off, after MAX_ATTEMPTS parked.

    Args:
        limit: At most this many facts; the rest is left to the next run, which is asked for.

    Returns:
        Number of facts that were delivered completely.
    """
    _forget_wake()
    delivered = claimed = 0
    while claimed < limit:
        facts = _claim(min(_CHUNK, limit - claimed))
        if not facts:
            return delivered
        claimed += len(facts)
        delivered += sum(_deliver(fact) for fact in facts)
    _wake()
    return delivered


def _claim(count: int) -> list[OutboxFact]:
    now = clock.now()
    with transaction.atomic():
        facts = list(
            OutboxFact.objects.select_for_update(skip_locked=True)
            .filter(delivered_at__isnull=True, parked_at__isnull=True)
            .filter(Q(not_before__isnull=True) | Q(not_before__lte=now))
            .order_by("id")[:count]
        )
        OutboxFact.objects.filter(pk__in=[fact.pk for fact in facts]).update(
            attempts=F("attempts") + 1, not_before=now + _LEASE
        )
    for fact in facts:
        fact.attempts += 1
    return facts


def _deliver(row: OutboxFact) -> bool:
    correlation.bind(row.correlation_id or None)
    subscription = registry.find_subscription(row.topic)
    try:
        if subscription is not None:
            fact = msgspec.convert(row.payload, subscription.fact_class)
            for name, handler in subscription.handlers.items():
                if name not in row.handled:
                    _run(row, name, handler, fact)
    except _TakenOverError:
        _log.warning("fact %s was taken over by another relay", row.pk)
        return False
    except Exception as error:  # noqa: BLE001 - the door of all handlers: the fact takes the blame
        _fail(row, error)
        return False
    now = clock.now()
    if not _mine(row).update(delivered_at=now):
        return False
    metrics.FACTS.labels("delivered").inc()
    metrics.FACT_DELAY.observe((now - row.created_at).total_seconds())
    return True


def _mine(row: OutboxFact) -> QuerySet[OutboxFact]:
    return OutboxFact.objects.filter(
        pk=row.pk, attempts=row.attempts, delivered_at__isnull=True, parked_at__isnull=True
    )


def _run(row: OutboxFact, name: str, handler: registry.Handler, fact: object) -> None:
    with transaction.atomic():
        # First the note: it locks the row, so nobody else runs this handler meanwhile.
        appended = Func(F("handled"), Value(name), function="array_append")
        if not _mine(row).exclude(handled__contains=[name]).update(handled=appended):
            raise _TakenOverError
        started = time.perf_counter()
        handler(fact)
    _log.debug("%s had fact %s in %.1f ms", name, row.pk, 1e3 * (time.perf_counter() - started))


def _fail(row: OutboxFact, error: Exception) -> None:
    text = f"{type(error).__name__}: {error}"[:2000]
    if row.attempts < MAX_ATTEMPTS:
        wait = dt.timedelta(seconds=_BACK_OFF_S[min(row.attempts, len(_BACK_OFF_S)) - 1])
        _mine(row).update(last_error=text, not_before=clock.now() + wait)
        metrics.FACTS.labels("failed").inc()
        _log.warning("fact %s (%s) failed, try %s: %s", row.pk, row.topic, row.attempts, text)
        return
    with transaction.atomic():
        if not _mine(row).update(last_error=text, parked_at=clock.now()):
            return
        metrics.FACTS.labels("parked").inc()
        _log.error("fact %s (%s) parked: %s", row.pk, row.topic, text, exc_info=error)
        if row.topic != FactParked.topic:
            publish(FactParked(number=row.pk, failed_topic=row.topic, error=text))


def retry_parked(*, numbers: list[int] | None = None) -> int:
    """Give parked facts, all or some by number, a fresh set of attempts; return how many."""
    rows = OutboxFact.objects.filter(parked_at__isnull=False, delivered_at__isnull=True)
    if numbers is not None:
        rows = rows.filter(pk__in=numbers)
    with transaction.atomic():
        count = rows.update(parked_at=None, attempts=0, not_before=None)
        transaction.on_commit(_wake)
    return count


def forget_delivered(*, older_than: dt.timedelta) -> int:
    """Delete facts delivered longer ago than `older_than`; return how many."""
    count, _ = OutboxFact.objects.filter(delivered_at__lt=clock.now() - older_than).delete()
    return count
