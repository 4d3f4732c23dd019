"""Write audit records: what was done, and what was refused."""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from derms.audit.rules.record import Columns, payload_of, tidy
from derms.core import clock, correlation, metrics
from derms.core.actors import Actor

_MOST_NOTED = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """One record of something done; `key` is its row."""

    key: int
    action: str
    object_type: str
    object_mrid: str


_collecting: ContextVar[list[Change] | None] = ContextVar("collecting", default=None)
_INSERT = (
    f"INSERT INTO audit_auditrecord ({', '.join(Columns._fields)}, payload, prev_hash, hash) "
    f"VALUES ({', '.join(['%s'] * len(Columns._fields))}, %s, '', '')"
)


def record(
    *,
    action: str,
    object_type: str,
    object_mrid: str = "",
    before: Any = None,
    after: Any = None,
    actor: Actor,
    outcome: str = "done",
) -> None:
    """Write one audit record in the current transaction; the database seals it at commit.

    Args:
        action: What was done, `room.verb_noun`, at most 60 characters.
        object_type: CIM class of the object.
        object_mrid: Its mRID, empty when there is none (yet).
        before: JSON-able state before; dates, UUIDs and enumerations are allowed.
        after: JSON-able state after, or what was asked when refused.
        actor: Who did it.
        outcome: `done` or `refused`.
    """
    row = _row(action, object_type, object_mrid, before, after, actor, outcome)
    noted = _collecting.get()
    with connection.cursor() as cursor:
        if noted is None or len(noted) >= _MOST_NOTED:
            cursor.execute(_INSERT, row)
            return
        cursor.execute(f"{_INSERT} RETURNING id", row)
        noted.append(Change(cursor.fetchone()[0], action, object_type, object_mrid))


@contextlib.contextmanager
def collecting() -> Iterator[list[Change]]:
    """Collect what is recorded inside, at most 1,000 changes: what one message has done.

    Ask `kept` at the end: a savepoint rolled back takes its records with it.
    """
    noted: list[Change] = []
    token = _collecting.set(noted)
    try:
        yield noted
    finally:
        _collecting.reset(token)


def kept(changes: Sequence[Change]) -> list[Change]:
    """Return those changes whose records are still there."""
    if not changes:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM audit_auditrecord WHERE id = ANY(%s)", [[c.key for c in changes]]
        )
        there = {key for (key,) in cursor.fetchall()}
    return [change for change in changes if change.key in there]


def record_refused(
    *,
    action: str,
    object_type: str,
    object_mrid: str = "",
    reason: str,
    asked: Any = None,
    actor: Actor,
) -> None:
    """Record a refused command so that it survives the rollback of the caller's transaction.

    Args:
        action: What was asked for.
        object_type: CIM class of the object.
        object_mrid: Its mRID, if it has one.
        reason: Why it was refused, for people.
        asked: JSON-able request, or the part of it that matters.
        actor: Who asked.
    """
    after = {"reason": reason} if asked is None else {"reason": reason, "asked": asked}
    row = _row(action, object_type, object_mrid, None, after, actor, "refused")
    with _outside_transaction() as outside, outside.cursor() as cursor:
        cursor.execute(_INSERT, row)
    metrics.AUDIT_REFUSED.inc()


@contextlib.contextmanager
def _outside_transaction() -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection that is in no transaction: this thread's, or a short-lived copy."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(transaction.atomic(durable=True))
        except RuntimeError:  # the caller's transaction is open and about to be rolled back
            copy = connection.copy()
            stack.callback(copy.close)
            yield copy
        else:
            yield connection


def _row(
    action: str,
    object_type: str,
    object_mrid: str,
    before: Any,
    after: Any,
    actor: Actor,
    outcome: str,
) -> tuple[Any, ...]:
    columns = tidy(
        Columns(
            at=clock.now(),
            actor_kind=actor.kind,
            actor_mrid=actor.mrid,
            actor_name=actor.name,
            source=actor.source,
            address=actor.address,
            action=action,
            outcome=outcome,
            object_type=object_type,
            object_mrid=object_mrid,
            correlation_id=correlation.current(),
        )
    )
    rest = {
        "roles": sorted(actor.roles),
        "organisation": actor.organisation_mrid,
        "before": before,
        "after": after,
    }
    return (*columns, payload_of(columns, rest))
