"""The journal of device commands: write them down, then what became of them.

Nothing is sent that is not a committed row first. For dispatch (`queue_commands`) and the senders
of this room. How a row moves: docs/architecture.md, command journal.
"""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import psycopg
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from derms.audit import services as audit
from derms.core import bulk, clock
from derms.core.actors import Actor, ActorKind
from derms.core.errors import InvalidInputError, RuleViolationError
from derms.events.services import publish
from derms.southbound.contract import CommandKind, CommandState, Receipt
from derms.southbound.events import CommandsQueued, CommandsSettled
from derms.southbound.rules.families import REPLACES

# Held while journaling, so that the order of keys is the order of commits: a newer command never
# has a smaller key. Any fixed number.
_LOCK = 0x6465_726D_0100

# Commands of earlier rows that a newer one ends; states are literals so that the partial indexes
# are used whatever plan PostgreSQL keeps.
_RETIRE = """
UPDATE southbound_devicecommand AS c
SET state = {after}, settled_at = clock_timestamp(), detail = %(detail)s
FROM unnest(%(ids)s::int8[], %(devices)s::int4[], %(kinds)s::int2[]) AS new(id, device_id, kind)
WHERE c.state IN ({before}) AND c.device_id = new.device_id AND c.id < new.id
  AND (new.kind, c.kind) IN (VALUES {replaces})
RETURNING c.origin, c.revision, c.state
"""
REPLACES_VALUES = ", ".join(
    f"({int(newer)}, {int(older)})" for newer, kinds in REPLACES.items() for older in kinds
)


def queue_commands(  # noqa: PLR0913 - the contract every dispatching room relies on
    *,
    origin: uuid.UUID,
    revision: int,
    kind: CommandKind | int,
    device_ids: NDArray[Any],
    values: NDArray[Any],
    valid_until: dt.datetime,
    reversion_s: int,
    actor: Actor,
) -> int:
    """Write one command per device into the journal and wake the senders.

    A command of the same sort still waiting for one of these devices will not be sent any more;
    it is marked superseded when the senders come to it. What is being sent right now is left to
    finish, and the new command waits for it. To keep a set point alive beyond its reversion time,
    queue it again as a new revision.

    Args:
        origin: mRID of what causes the commands: a dispatch, a control.
        revision: Counts up within the origin; (origin, device, revision) is unique.
        kind: What to set.
        device_ids: Keys of devices [n], each once.
        values: Set points or limits [n], W or var, positive = injection; finite.
        valid_until: No command is sent after this instant.
        reversion_s: Devices fall back on their own control after this time [s]; should be longer
            than the time to the next revision. 0 = the installation's default.
        actor: Who asks.

    Returns:
        Number of commands queued.

    Raises:
        InvalidInputError: lengths differ, a device twice, a value not finite, unknown kind.
        RuleViolationError: this revision is in the journal already for one of the devices.
    """
    what = _known_kind(kind)
    ids, set_points = _checked(device_ids, values)
    if not len(ids):
        return 0
    now = clock.now()
    n = len(ids)
    columns: dict[str, NDArray[Any]] = {
        "device_id": ids,
        "origin": np.frombuffer(origin.bytes * n, dtype="V16"),
        "revision": np.full(n, revision, dtype="int32"),
        "kind": np.full(n, what, dtype="int16"),
        "value": set_points,
        "shard": (ids % settings.SOUTHBOUND_SHARDS).astype("int16"),
        "valid_until": np.full(n, _instant(valid_until)),
        "reversion_s": np.full(n, reversion_s, dtype="int32"),
        "created_at": np.full(n, _instant(now)),
    }
    with transaction.atomic():
        bulk.execute("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": _LOCK})
        try:
            with transaction.atomic():
                bulk.copy_in("southbound_devicecommand", columns)
        except psycopg.errors.UniqueViolation:
            raise RuleViolationError(
                f"Revision {revision} of {origin} is in the journal already.",
                code="revision_exists",
            ) from None
        publish(CommandsQueued(shards=tuple(np.unique(columns["shard"]).tolist())))
        # The closed loop queues every few seconds by itself; its dispatch is on record.
        if actor.kind is not ActorKind.SYSTEM:
            audit.record(
                action="commands.queue",
                object_type="DeviceCommand",
                object_mrid=str(origin),
                after={"kind": what.name.lower(), "revision": revision, "devices": n},
                actor=actor,
            )
    return n


def _known_kind(kind: CommandKind | int) -> CommandKind:
    try:
        return CommandKind(kind)
    except ValueError:
        raise InvalidInputError(f"{kind} is no kind of device command.", field="kind") from None


def _checked(
    device_ids: NDArray[Any], values: NDArray[Any]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    ids = np.asarray(device_ids, dtype="int32")
    set_points = np.asarray(values, dtype="float64")
    if ids.shape != set_points.shape or ids.ndim != 1:
        raise InvalidInputError("There must be one value per device.", field="values")
    if not np.isfinite(set_points).all():
        raise InvalidInputError("A set point is not a finite number.", field="values")
    # By key: neighbours in the index, and always the same order for locks.
    order = np.argsort(ids, kind="stable")
    ids, set_points = ids[order], set_points[order]
    if len(ids) and (ids[0] <= 0 or (ids[1:] == ids[:-1]).any()):
        raise InvalidInputError("A device is unknown or listed twice.", field="device_ids")
    return ids, set_points


def _instant(value: dt.datetime) -> np.datetime64:
    return np.datetime64(value.astimezone(dt.UTC).replace(tzinfo=None), "us")


def settle(token: uuid.UUID, keys: Sequence[int], receipts: Sequence[Receipt]) -> None:
    """Store what became of leased commands, and tell who asked for them.

    A command the lease of which was taken away keeps the state it was given since. QUEUED gives
    a command back unsent.

    Args:
        token: Lease under which they were claimed.
        keys: Primary keys [n].
        receipts: Their outcomes [n].
    """
    with transaction.atomic():
        rows = bulk.execute(
            _SETTLE,
            {
                "token": token,
                "now": clock.now(),
                "ids": list(keys),
                "states": [int(r.state) for r in receipts],
                "codes": [r.code[:40] for r in receipts],
                "details": [r.detail[:200] for r in receipts],
                "sent": [r.sent_at_s for r in receipts],
            },
        ).fetchall()
        announce([row[:3] for row in rows])
        held = [row[3:] for row in rows if row[2] in (CommandState.ACTIVE, CommandState.COMPLETED)]
        retire(
            held,
            before=[CommandState.ACTIVE],
            after=CommandState.COMPLETED,
            detail="ended by a later command",
        )


_SETTLE = """
UPDATE southbound_devicecommand AS c
SET state = new.state, protocol_code = new.code, detail = new.detail,
    sent_at = coalesce(c.sent_at, to_timestamp(new.sent)),
    settled_at = CASE WHEN new.state IN (5, 6, 7, 8, 9, 10) THEN %(now)s::timestamptz END,
    lease_until = CASE WHEN new.state IN (3, 4, 11) THEN clock_timestamp() END
FROM unnest(%(ids)s::int8[], %(states)s::int2[], %(codes)s::text[], %(details)s::text[],
            %(sent)s::float8[]) AS new(id, state, code, detail, sent)
WHERE c.id = new.id AND c.lease_token = %(token)s AND c.state IN (2, 3, 4, 11)
RETURNING c.origin, c.revision, c.state, c.id, c.device_id, c.kind
"""


def retire(
    newer: Iterable[tuple[int, int, int]],
    *,
    before: Sequence[CommandState],
    after: CommandState,
    detail: str,
) -> None:
    """End earlier commands that a newer one of the same device replaces.

    Args:
        newer: (key, device, kind) of the newer commands.
        before: States of the earlier commands to end.
        after: State to give them.
        detail: Why, for the operator.
    """
    rows = list(newer)
    if not rows:
        return
    sql = _RETIRE.format(
        after=int(after),
        before=", ".join(str(int(state)) for state in before),
        replaces=REPLACES_VALUES,
    )
    keys, devices, kinds = zip(*rows, strict=True)
    parameters = {
        "ids": list(keys),
        "devices": list(devices),
        "kinds": list(kinds),
        "detail": detail,
    }
    announce(bulk.execute(sql, parameters).fetchall())


def announce(rows: Iterable[tuple[Any, ...]]) -> None:
    """Publish one fact per origin and revision for commands that changed state.

    Args:
        rows: (origin, revision, state) of each command.
    """
    counts: dict[tuple[Any, int], Counter[str]] = {}
    for origin, revision, state in rows:
        counter = counts.setdefault((origin, revision), Counter())
        counter[CommandState(state).name.lower()] += 1
    for (origin, revision), counter in counts.items():
        publish(CommandsSettled(origin=str(origin), revision=revision, counts=dict(counter)))
