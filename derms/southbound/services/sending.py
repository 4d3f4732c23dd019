"""Send what waits in the journal: claim, commit, send once, store what came of it.

For the Celery tasks of this room.

1. Commands whose time has passed are EXPIRED; nobody sends them any more.
2. A batch is claimed with SKIP LOCKED under a lease and committed before the first byte leaves.
3. A write begins only while our own lease lasts, measured by the monotonic clock from before the
   claim, so a stalled worker does not wake up and send what others have since settled.
4. What is not known afterwards is UNKNOWN and is read back (`reconciling`), never sent again.
"""

import datetime as dt
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction

from derms.core import bulk, failpoints
from derms.devices.selectors.wires import find_wires
from derms.southbound import gateway
from derms.southbound.contract import Command, CommandKind, CommandState, Receipt, Target
from derms.southbound.services import journal
from derms.southbound.services.turns import Turns

BATCH = 400
MARGIN_S = 0.5
"""No write begins in the last part of a lease."""
SETTLE_S = 0.5
"""After a lease has run out, bytes of its last write may still be under way this long."""

_turns = Turns()

_EXPIRE = """
UPDATE southbound_devicecommand
SET state = 9, settled_at = clock_timestamp(), detail = 'its time passed before it was sent'
WHERE shard = %(shard)s AND state = 1 AND valid_until <= clock_timestamp()
RETURNING origin, revision, state
"""
_CLAIM = """
WITH due AS (
    SELECT c.id FROM southbound_devicecommand AS c
    WHERE c.shard = %(shard)s AND c.state = 1 AND c.valid_until > clock_timestamp()
      AND NOT EXISTS (
        SELECT 1 FROM southbound_devicecommand AS o
        WHERE o.shard = %(shard)s AND o.device_id = c.device_id AND o.state IN (2, 11)
          AND (o.state = 2 OR o.lease_until > clock_timestamp() - %(settle)s::interval))
    ORDER BY c.id LIMIT %(limit)s FOR UPDATE OF c SKIP LOCKED)
UPDATE southbound_devicecommand AS c
SET state = 2, lease_token = %(token)s, lease_until = clock_timestamp() + %(lease)s::interval
FROM due WHERE c.id = due.id
RETURNING c.id, c.device_id, c.kind, c.value, c.reversion_s,
    extract(epoch FROM c.valid_until - clock_timestamp())::float8
"""
_REPLACED_WHILE_LEASED = """
SELECT DISTINCT old.id FROM southbound_devicecommand AS old
JOIN southbound_devicecommand AS new
  ON new.device_id = old.device_id AND new.kind = old.kind AND new.id > old.id
WHERE old.id = ANY(%(ids)s::int8[]) AND new.shard = %(shard)s AND new.state = 1
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """Commands leased to us.

    Attributes:
        token: The lease.
        until: Our lease ends at this instant of `time.monotonic()`.
        rows: (key, device, kind, value, reversion_s, seconds left until valid_until).
    """

    token: uuid.UUID
    until: float
    rows: list[tuple[int, int, int, float, int, float]]


def send_shard(shard: int) -> int:
    """Send everything that waits in a shard; a second call meanwhile only extends the first.

    Args:
        shard: Number of the shard, 0 <= shard < SOUTHBOUND_SHARDS.

    Returns:
        Number of commands claimed.
    """
    sent = 0
    with _turns.take(shard) as mine:
        while mine and _turns.wanted(shard):
            with transaction.atomic():
                journal.announce(bulk.execute(_EXPIRE, {"shard": shard}).fetchall())
            while claim := _claim(shard):
                failpoints.pass_through("southbound.claimed")
                _send(shard, claim)
                sent += len(claim.rows)
    return sent


def _claim(shard: int) -> Claim | None:
    token, begun = uuid.uuid4(), time.monotonic()
    lease = dt.timedelta(seconds=settings.SOUTHBOUND_LEASE_S)
    with transaction.atomic():
        rows = bulk.execute(
            _CLAIM,
            {
                "shard": shard,
                "limit": BATCH,
                "token": token,
                "lease": lease,
                "settle": dt.timedelta(seconds=SETTLE_S),
            },
        ).fetchall()
        # Nobody will ever know of earlier ones whose outcome is open: this one decides now.
        journal.retire(
            [row[:3] for row in rows],
            before=[CommandState.UNKNOWN, CommandState.DELIVERED, CommandState.ACKNOWLEDGED],
            after=CommandState.SUPERSEDED,
            detail="its outcome was not learnt before a later command",
        )
    if not rows:
        return None
    return Claim(token, begun + lease.total_seconds(), sorted(rows))


def as_commands(rows: Sequence[tuple[Any, ...]]) -> tuple[list[gateway.Wire], list[Command]]:
    """Turn journal rows (key, device, kind, value, reversion_s, ...) into commands on wires."""
    wires: list[gateway.Wire] = []
    commands: list[Command] = []
    for row, found in zip(rows, find_wires([row[1] for row in rows]), strict=True):
        target = Target(row[1], found.address)
        wires.append(gateway.Wire(found.protocol, target, found.commandable))
        commands.append(Command(target, CommandKind(row[2]), row[3], row[4]))
    return wires, commands


def _send(shard: int, claim: Claim) -> None:
    wires, commands = as_commands(claim.rows)
    # Seconds left are counted from the claim, which lies before `now`: never too late.
    shortest_s = min(row[5] for row in claim.rows)
    deadline = min(claim.until - MARGIN_S, time.monotonic() + shortest_s)
    receipts = gateway.send(wires, commands, deadline=deadline)
    failpoints.pass_through("southbound.sent")
    keys = [row[0] for row in claim.rows]
    journal.settle(claim.token, keys, _without_replaced(shard, keys, receipts))
    failpoints.pass_through("southbound.stored")


def _without_replaced(shard: int, keys: list[int], receipts: list[Receipt]) -> list[Receipt]:
    """Supersede what comes back unsent and has a newer command waiting behind it."""
    unsent = [k for k, r in zip(keys, receipts, strict=True) if r.state is CommandState.QUEUED]
    if not unsent:
        return receipts
    rows = bulk.execute(_REPLACED_WHILE_LEASED, {"ids": unsent, "shard": shard}).fetchall()
    replaced = {key for (key,) in rows}
    end = Receipt(CommandState.SUPERSEDED, "not_begun", "replaced before it was sent")
    return [end if key in replaced else r for key, r in zip(keys, receipts, strict=True)]
