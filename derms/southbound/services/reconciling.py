"""Find out what became of commands whose outcome is not known: read the devices, send nothing.

For the Celery tasks of this room. A lease that ran out means its worker died or stalled: nobody
knows whether the bytes left. The device is asked; what it holds decides.
"""

import datetime as dt
import time
import uuid

from django.conf import settings
from django.db import transaction

from derms.core import bulk
from derms.southbound import gateway
from derms.southbound.contract import CommandState, Receipt
from derms.southbound.services import journal
from derms.southbound.services.sending import BATCH, SETTLE_S, as_commands
from derms.southbound.services.turns import Turns

_turns = Turns()

_LEASES_RUN_OUT = """
UPDATE southbound_devicecommand
SET state = 11, detail = 'the worker that had it did not finish'
WHERE shard = %(shard)s AND state = 2 AND lease_until < clock_timestamp()
RETURNING origin, revision, state
"""
_CLAIM = f"""
WITH due AS (
    SELECT c.id FROM southbound_devicecommand AS c
    WHERE c.shard = %(shard)s AND c.state IN (3, 4, 11)
      AND c.lease_until < clock_timestamp() - %(settle)s::interval
      AND NOT EXISTS (  -- a newer command is waiting and will decide
        SELECT 1 FROM southbound_devicecommand AS n
        WHERE n.device_id = c.device_id AND n.id > c.id AND n.state IN (1, 2)
          AND (n.kind, c.kind) IN (VALUES {journal.REPLACES_VALUES}))
    ORDER BY c.id LIMIT %(limit)s FOR UPDATE OF c SKIP LOCKED)
UPDATE southbound_devicecommand AS c
SET lease_token = %(token)s, lease_until = clock_timestamp() + %(lease)s::interval
FROM due WHERE c.id = due.id
RETURNING c.id, c.device_id, c.kind, c.value, c.reversion_s,
    c.kind NOT IN (4, 5)  -- a device that was switched off stays off: only it can tell
    AND greatest(c.valid_until, c.created_at) + make_interval(secs => c.reversion_s)
        < clock_timestamp()
"""
_STILL_UNKNOWN = """
UPDATE southbound_devicecommand SET lease_until = clock_timestamp() - %(settle)s::interval
WHERE id = ANY(%(ids)s::int8[]) AND lease_token = %(token)s AND state IN (3, 4, 11)
"""


def reconcile_shard(shard: int) -> int:
    """Read back every command of a shard whose outcome is open.

    Args:
        shard: Number of the shard.

    Returns:
        Number of commands settled.
    """
    with _turns.take(shard) as mine:
        if not mine or not _turns.wanted(shard):
            return 0
        with transaction.atomic():
            journal.announce(bulk.execute(_LEASES_RUN_OUT, {"shard": shard}).fetchall())
        return _reconcile(shard)


def _reconcile(shard: int) -> int:
    token, settle = uuid.uuid4(), dt.timedelta(seconds=SETTLE_S)
    lease = dt.timedelta(seconds=settings.SOUTHBOUND_LEASE_S)
    with transaction.atomic():
        rows = bulk.execute(
            _CLAIM,
            {"shard": shard, "settle": settle, "token": token, "lease": lease, "limit": BATCH},
        ).fetchall()
    if not rows:
        return 0
    rows.sort()
    wires, commands = as_commands(rows)
    deadline = time.monotonic() + lease.total_seconds()
    receipts = gateway.read_back(wires, commands, deadline=deadline)
    outcome = {
        row[0]: _given_up(receipt) if row[5] else receipt
        for row, receipt in zip(rows, receipts, strict=True)
    }
    settled = {k: r for k, r in outcome.items() if r.state is not CommandState.UNKNOWN}
    open_keys = [key for key in outcome if key not in settled]
    if settled:
        journal.settle(token, list(settled), list(settled.values()))
    if open_keys:
        # Not held back for the next try: a newer command need not wait for a silent device.
        bulk.execute(_STILL_UNKNOWN, {"ids": open_keys, "token": token, "settle": settle})
    return len(settled)


def _given_up(receipt: Receipt) -> Receipt:
    """Judge a command whose reversion time is over: whatever it did has ended by itself."""
    if receipt.state is not CommandState.UNKNOWN:
        return receipt
    return Receipt(
        CommandState.FAILED, receipt.code, "never learnt; its reversion time is over by now"
    )
