"""15-minute roll-ups of the readings: each interval once when it is over, again when late.

An interval is rolled up `GRACE` after its end. A reading stored after its interval ended is
noted in `RollupDue` in the same transaction, and its device's interval is rolled up again. A
store has the difference between `LATE_AFTER` and `GRACE` to commit; none takes that long.
Source: ours, docs/adr/0020.
"""

import datetime as dt

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from derms.core import bulk, clock
from derms.core.quantities import Quality, Quantity
from derms.devices.models import RollupState
from derms.devices.rules.readings import ReadingBatch, microseconds
from derms.devices.services.partitions import ensure_rollup_months, first_reading_day

INTERVAL = dt.timedelta(minutes=15)
LATE_AFTER = dt.timedelta(minutes=1)
GRACE = dt.timedelta(minutes=3)
_INTERVAL_US = INTERVAL // dt.timedelta(microseconds=1)
_DUE_PER_TURN = 20_000
_LOCK = 0x6465_726D_0002

_AGGREGATE = f"""
SELECT r.device_id, r.quantity, %(start)s::timestamptz, avg(r.value), min(r.value), max(r.value),
       count(*)
FROM devices_reading r
WHERE r.measured_at >= %(start)s AND r.measured_at < %(end)s AND r.quality = {Quality.GOOD.value}
GROUP BY r.device_id, r.quantity
"""
_AGGREGATE_DUE = f"""
SELECT r.device_id, r.quantity, due.start_at, avg(r.value), min(r.value), max(r.value), count(*)
FROM unnest(%(device_id)s::int4[], %(start_at)s::timestamptz[]) AS due(device_id, start_at)
JOIN devices_reading r ON r.device_id = due.device_id
    AND r.quantity = ANY(%(quantities)s::int2[])
    AND r.measured_at >= due.start_at AND r.measured_at < due.start_at + interval '15 minutes'
WHERE r.quality = {Quality.GOOD.value}
  AND r.measured_at >= %(first)s AND r.measured_at < %(last)s
GROUP BY r.device_id, r.quantity, due.start_at
"""
_STORE = """
INSERT INTO devices_readingrollup
    (device_id, quantity, start_at, mean, minimum, maximum, count)
{rows}
ON CONFLICT (device_id, quantity, start_at) DO UPDATE
SET mean = EXCLUDED.mean, minimum = EXCLUDED.minimum, maximum = EXCLUDED.maximum,
    count = EXCLUDED.count
"""
_NOTE = """
INSERT INTO devices_rollupdue (device_id, start_at) SELECT device_id, start_at FROM {new}
ON CONFLICT DO NOTHING
"""
_TAKE = """
DELETE FROM devices_rollupdue WHERE (device_id, start_at) IN (
    SELECT device_id, start_at FROM devices_rollupdue WHERE start_at < %(until)s
    ORDER BY device_id, start_at LIMIT %(limit)s FOR UPDATE
) RETURNING device_id, start_at
"""


def note_late(batch: ReadingBatch) -> None:
    """Note the intervals of readings that came after their interval was over.

    Call in the transaction that stores them.
    """
    start = batch.measured_at - batch.measured_at % _INTERVAL_US
    late = start + _INTERVAL_US < microseconds(clock.now() - LATE_AFTER)
    if not late.any():
        return
    # Device and number of the interval in one integer, which sorts ten times as fast as a pair.
    keys = np.unique((batch.device_id[late].astype("int64") << 32) | start[late] // _INTERVAL_US)
    columns = {
        "device_id": (keys >> 32).astype("int32"),
        "start_at": ((keys & 0xFFFF_FFFF) * _INTERVAL_US).view("M8[us]"),
    }
    bulk.execute(_NOTE.format(new=bulk.unnest(columns)), columns)


def roll_up(*, now: dt.datetime | None = None, turns: int = 200) -> int:
    """Roll up the intervals that are over, then the late ones; at most `turns` of each.

    Returns:
        Number of roll-up rows written.
    """
    moment = now or clock.now()
    written = 0
    for _ in range(turns):
        rows = _next_interval(moment)
        if rows is None:
            break
        written += rows
    for _ in range(turns):
        rows = _late_intervals(moment)
        if not rows:
            break
        written += rows
    return written


def _next_interval(now: dt.datetime) -> int | None:
    """Roll up the first interval not done yet; None when there is none, or another works on it."""
    with transaction.atomic():
        if not _alone():
            return None
        state = RollupState.objects.first() or RollupState(rolled_until=_beginning(now))
        start, end = state.rolled_until, state.rolled_until + INTERVAL
        if end > now - GRACE:
            return None
        _ensure(np.array([start.replace(tzinfo=None)], dtype="M8[us]"))
        sql = _STORE.format(rows=_AGGREGATE)
        written = bulk.execute(sql, {"start": start, "end": end}).rowcount
        state.rolled_until = end
        state.save()
    return written


def _late_intervals(now: dt.datetime) -> int:
    with transaction.atomic():
        if not _alone():
            return 0
        state = RollupState.objects.first()
        until = state.rolled_until if state else now
        taken = bulk.execute(_TAKE, {"until": until, "limit": _DUE_PER_TURN}).fetchall()
        if not taken:
            return 0
        device_id = np.array([row[0] for row in taken], dtype="int32")
        start_at = np.array([microseconds(row[1]) for row in taken], dtype="int64").view("M8[us]")
        _ensure(start_at)
        bulk.execute(
            _STORE.format(rows=_AGGREGATE_DUE),
            {
                "device_id": device_id,
                "start_at": start_at,
                "quantities": np.array(sorted(Quantity), dtype="int16"),
                # Bounds PostgreSQL can use to leave out partitions.
                "first": min(row[1] for row in taken),
                "last": max(row[1] for row in taken) + INTERVAL,
            },
        )
    return len(taken)


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _beginning(now: dt.datetime) -> dt.datetime:
    """Return where roll-ups start on a new installation: with its first partition."""
    first = first_reading_day() or now
    since = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return first - (first - since) % INTERVAL


def _ensure(start_at: NDArray[np.datetime64]) -> None:
    ensure_rollup_months(np.unique(start_at.astype("M8[D]")))
