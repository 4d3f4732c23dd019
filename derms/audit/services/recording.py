"""Write audit records: what was done, and what was refused."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from derms.audit.rules.record import Columns, payload_of, tidy
from derms.core import clock, correlation, metrics
from derms.core.actors import Actor

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
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, row)


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
