"""Send what waits in the journal: claim, commit, send once, store what came of it.

For the Celery tasks of this room.

1. Commands whose time has passed are EXPIRED; nobody sends them any more.
2. A batch is claimed with SKIP LOCKED under a lease and committed before the first byte leaves,
   one claim of a shard at a time, over all processes.
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
from derms.southbound.contract import Command, CommandKind, CommandState, Target
from derms.southbound.services import journal
from derms.southbound.services.turns import Turns

BATCH = 400
MARGIN_S = 0.5
"""No write begins in the last part of a lease."""
SETTLE_S = 0.5
"""After a lease has run out, bytes of its last write may still be under way this long."""

# First key of the advisory lock of a shard's claims; any fixed number.
_LOCK = 0x6465_726E

_turns = Turns()

_EXPIRE = """
UPDATE southbound_devicecommand
SET state = 9, settled_at = clock_timestamp(), detail = 'its time passed before it was sent'
WHERE shard = %(shard)s AND state = 1 AND valid_until <= clock_timestamp()
RETURNING origin, revision, state
"""
_CLAIM = f"""
WITH due AS (
    SELECT c.id, c.device_id, c.kind FROM southbound_devicecommand AS c
    WHERE c.shard = %(shard)s AND c.state = 1
      AND c.valid_until > clock_timestamp()
      AND NOT EXISTS (  -- something of this device is, or may be, on the wire
        SELECT 1 FROM southbound_devicecommand AS o
        WHERE o.device_id = c.device_id AND o.state IN (2, 11)
          AND (o.state = 2 OR o.lease_until > clock_timestamp() - %(settle)s::interval))
    ORDER BY c.id LIMIT %(limit)s FOR UPDATE OF c SKIP LOCKED
), judged AS (
    -- The newest command of a sort is the only one ever sent, whatever became of it: an older one
    -- may have been held back meanwhile.
    SELECT due.id, EXISTS (
        SELECT 1 FROM southbound_devicecommand AS n
        WHERE n.device_id = due.device_id AND n.id > due.id
          AND (n.kind, due.kind) IN (VALUES {journal.REPLACES_VALUES})) AS replaced
    FROM due)
UPDATE southbound_devicecommand AS c
SET state = CASE WHEN replaced THEN 7 ELSE 2 END,
    settled_at = CASE WHEN replaced THEN clock_timestamp() END,
    detail = CASE WHEN replaced THEN 'replaced before it was sent' ELSE '' END,
    lease_token = %(token)s, lease_until = clock_timestamp() + %(lease)s::interval
FROM judged WHERE c.id = judged.id
RETURNING c.id, c.device_id, c.kind, c.value, c.reversion_s,
    extract(epoch FROM c.valid_until - clock_timestamp())::float8, c.origin, c.revision, c.state
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
            # Always from the oldest on: skipping ahead could take a set point past a release.
            while claim := _claim(shard):
                if claim.rows:
                    failpoints.pass_through("southbound.claimed")
                    _send(claim)
                    sent += len(claim.rows)
    return sent


def _claim(shard: int) -> Claim | None:
    token, begun = uuid.uuid4(), time.monotonic()
    lease = dt.timedelta(seconds=settings.SOUTHBOUND_LEASE_S)
    with transaction.atomic():
        # One claim of a shard at a time: a second one would not see what the first is leasing, and
        # could take a newer command of the same device past an older one.
        bulk.execute(
            "SELECT pg_advisory_xact_lock(%(lock)s::int4, %(shard)s::int4)",
            {"lock": _LOCK, "shard": shard},
        )
        found = bulk.execute(
            _CLAIM,
            {
                "shard": shard,
                "limit": BATCH,
                "token": token,
                "lease": lease,
                "settle": dt.timedelta(seconds=SETTLE_S),
            },
        ).fetchall()
        rows = [row[:6] for row in found if row[8] == CommandState.LEASED]
        journal.announce(row[6:] for row in found if row[8] != CommandState.LEASED)
        # Nobody will ever know of earlier ones whose outcome is open: this one decides now.
        journal.retire(
            [row[:3] for row in rows],
            before=[CommandState.UNKNOWN, CommandState.DELIVERED, CommandState.ACKNOWLEDGED],
            after=CommandState.SUPERSEDED,
            detail="its outcome was not learnt before a later command",
        )
    if not found:
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


def _send(claim: Claim) -> None:
    wires, commands = as_commands(claim.rows)
    # Seconds left are counted from the claim, which lies before `now`: never too late.
    shortest_s = min(row[5] for row in claim.rows)
    deadline = min(claim.until - MARGIN_S, time.monotonic() + shortest_s)
    receipts = gateway.send(wires, commands, deadline=deadline)
    failpoints.pass_through("southbound.sent")
    journal.settle(claim.token, [row[0] for row in claim.rows], receipts)
    failpoints.pass_through("southbound.stored")
