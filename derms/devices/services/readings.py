"""Store readings and statuses: history, latest values, and word of them to the live side.

For the drivers' polling, the REST door and meter imports. Arrays in, COPY out (ADR 0020).
"""

import random
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import psycopg
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from derms.core import bulk, clock
from derms.core.actors import SYSTEM, Actor
from derms.core.errors import BusyError
from derms.devices import stream
from derms.devices.rules.readings import (
    Bool,
    ReadingBatch,
    Refusal,
    StatusBatch,
    check_batch,
    microseconds,
    newest_rows,
)
from derms.devices.services.live import push_rows
from derms.devices.services.partitions import ensure_reading_days
from derms.devices.services.rollups import note_late

_LATEST_UPDATE = """
UPDATE devices_latestreading AS old
SET measured_at = new.measured_at, value = new.value, quality = new.quality, source = %(source)s
FROM {new}
WHERE old.device_id = new.device_id AND old.quantity = new.quantity
  AND old.measured_at < new.measured_at
"""
_LATEST_UPSERT = """
INSERT INTO devices_latestreading AS old (device_id, quantity, measured_at, value, quality, source)
SELECT device_id, quantity, measured_at, value, quality, %(source)s FROM {new}
ON CONFLICT (device_id, quantity) DO UPDATE
SET measured_at = EXCLUDED.measured_at, value = EXCLUDED.value,
    quality = EXCLUDED.quality, source = EXCLUDED.source
WHERE old.measured_at < EXCLUDED.measured_at
"""
_HISTORY = """
INSERT INTO devices_reading (device_id, quantity, measured_at, value, quality, source)
SELECT device_id, quantity, measured_at, value, quality, %(source)s FROM {new}
ON CONFLICT DO NOTHING
"""
_FRESH = """
SELECT new.device_id, new.quantity FROM {new}
JOIN devices_latestreading AS old USING (device_id, quantity)
WHERE (old.measured_at, old.value) = (new.measured_at, new.value)
"""
_STATUS = """
INSERT INTO devices_devicestatus AS old
    (device_id, connection, operating, alarm_bits, local_control, last_contact_at, changed_at)
SELECT device_id, connection, operating, alarm_bits, local_control, contact_at, contact_at
FROM {new}
ON CONFLICT (device_id) DO UPDATE
SET connection = EXCLUDED.connection, operating = EXCLUDED.operating,
    alarm_bits = EXCLUDED.alarm_bits, local_control = EXCLUDED.local_control,
    last_contact_at = EXCLUDED.last_contact_at,
    changed_at = CASE WHEN (old.connection, old.operating, old.alarm_bits, old.local_control)
        IS DISTINCT FROM (EXCLUDED.connection, EXCLUDED.operating, EXCLUDED.alarm_bits,
                          EXCLUDED.local_control)
        THEN EXCLUDED.changed_at ELSE old.changed_at END
WHERE old.last_contact_at IS NULL OR old.last_contact_at < EXCLUDED.last_contact_at
"""

# Straight, after making partitions, without repeated rows, after making partitions again.
_TRIES = 4
# Each deadlock lets one other writer finish, so that few suffice unless very many write at once.
_UPSERT_TRIES = 30


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What became of a batch.

    Attributes:
        stored: New rows in the history.
        repeated: Rows the history had already; the first one stays.
        late: Stored rows, counted per device and quantity, older than the latest value known.
        refused: Why rows were refused, with their numbers.
    """

    stored: int
    repeated: int
    late: int
    refused: list[Refusal]


class _KnownDevices:
    """Which primary keys exist, remembered per process.

    Keys are never reused and devices never deleted, so a remembered key stays right; an unknown
    one is asked for again every time.
    """

    def __init__(self) -> None:
        self._known: Bool = np.zeros(1024, dtype=bool)
        self._lock = threading.Lock()

    def mask(self, ids: NDArray[np.int32]) -> Bool:
        """Return True where the device exists [n]."""
        if not len(ids):
            return np.zeros(0, dtype=bool)
        known = self._lookup(ids)
        if not known.all():
            self._ask(np.unique(ids[~known & (ids > 0)]))
            known = self._lookup(ids)
        return known

    def _lookup(self, ids: NDArray[np.int32]) -> Bool:
        table = self._known
        inside = (ids > 0) & (ids < len(table))
        return inside & table[np.where(inside, ids, 0)]

    def _ask(self, ids: NDArray[np.int32]) -> None:
        sql = "SELECT id FROM devices_enddevice WHERE id = ANY(%(ids)s::int4[])"
        found = [row[0] for row in bulk.execute(sql, {"ids": ids}).fetchall()]
        if not found:
            return
        with self._lock:
            size = max(len(self._known), 2 * (max(found) + 1))
            table = np.zeros(size, dtype=bool)
            table[: len(self._known)] = self._known
            table[found] = True
            self._known = table


_known_devices = _KnownDevices()


def store_readings(batch: ReadingBatch, *, actor: Actor = SYSTEM) -> StoreResult:
    """Store a batch of readings of any age and order, each once.

    A late or repeated reading never overwrites a newer one. Safe to call again with the same
    batch. After commit the newest values go to the live stream and the browsers.

    Args:
        batch: Readings [n]; rows may repeat, be late, or name unknown devices.
        actor: Unused for trust: whoever may write readings is decided at the door.

    Returns:
        Counts, and refused rows by reason: unknown device, not a number, future, too old.
    """
    del actor  # readings are measurements, not decisions: they are not audited one by one
    good, refused = check_batch(
        batch,
        known=_known_devices.mask(batch.device_id),
        now_us=microseconds(clock.now()),
        max_future_s=settings.MAX_FUTURE_S,
        max_age_s=settings.READING_RETENTION_DAYS * 86_400,
    )
    kept = batch if not refused else batch.take(good)
    if not len(kept):
        return StoreResult(0, 0, 0, refused)
    newest = kept.take(newest_rows(kept))
    with transaction.atomic():
        stored = _write_history(kept)
        note_late(kept)
        updated = _write_latest(newest)
        fresh = newest if updated == len(newest) else newest.take(_fresh_rows(newest))
        if len(fresh):
            transaction.on_commit(partial(_announce, fresh))
    return StoreResult(
        stored=stored,
        repeated=len(kept) - stored,
        late=len(newest) - len(fresh),
        refused=refused,
    )


def _announce(fresh: ReadingBatch) -> None:
    stream.append("readings", fresh.to_bytes())
    push_rows(fresh.device_id)


def _columns(batch: ReadingBatch) -> dict[str, NDArray[Any]]:
    return {
        "measured_at": batch.measured_at.view("M8[us]"),
        "value": batch.value,
        "device_id": batch.device_id,
        "quantity": batch.quantity,
        "quality": batch.quality,
    }


def _write_history(batch: ReadingBatch) -> int:
    """COPY straight into the partitioned table; the slower ways only if it objects."""
    write = _copy_history
    for _ in range(_TRIES):
        try:
            with transaction.atomic():
                return write(batch)
        except psycopg.errors.CheckViolation:  # a day without a partition
            ensure_reading_days(np.unique(batch.measured_at.view("M8[us]").astype("M8[D]")))
        except psycopg.errors.UniqueViolation:  # repeated readings among them
            write = _insert_history
    raise BusyError("Readings could not be stored: a partition went away while writing.")


def _copy_history(batch: ReadingBatch) -> int:
    source = np.full(len(batch), batch.source, dtype="int16")
    return bulk.copy_in("devices_reading", {**_columns(batch), "source": source})


def _insert_history(batch: ReadingBatch) -> int:
    columns = _columns(batch)
    sql = _HISTORY.format(new=bulk.unnest(columns))
    return bulk.execute(sql, {**columns, "source": batch.source}).rowcount


def _write_latest(newest: ReadingBatch) -> int:
    """Overwrite older latest values; return how many were written.

    Nearly always every row is there and older, and a plain UPDATE does it in two thirds of the
    time. What it did not touch is new or late; the upsert then tells which. The UPDATE may
    lock rows in any order, so it can meet another writer half-way; two upserts, which keep the
    order of keys, cannot.

    Raises:
        BusyError: one UPDATE after the other stood in the way.
    """
    columns = _columns(newest)
    new, parameters = bulk.unnest(columns), {**columns, "source": newest.source}
    try:
        with transaction.atomic():
            updated = bulk.execute(_LATEST_UPDATE.format(new=new), parameters).rowcount
    except psycopg.errors.DeadlockDetected:
        updated = 0
    if updated == len(newest):
        return updated
    for _ in range(_UPSERT_TRIES):
        try:
            with transaction.atomic():
                return updated + bulk.execute(_LATEST_UPSERT.format(new=new), parameters).rowcount
        except psycopg.errors.DeadlockDetected:  # with somebody's UPDATE, which goes on now
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - spreads writers, no secret
    raise BusyError("Latest values could not be stored: others write the same ones all the time.")


def _fresh_rows(newest: ReadingBatch) -> Bool:
    """Return True for rows that are the latest value now [n]; `newest` has each key once."""
    columns = _columns(newest)
    rows = bulk.execute(_FRESH.format(new=bulk.unnest(columns)), columns).fetchall()
    found = np.array(rows, dtype="int64").reshape(-1, 2)
    return np.isin(
        newest.device_id.astype("int64") * 65536 + newest.quantity,
        found[:, 0] * 65536 + found[:, 1],
    )


def store_status(batch: StatusBatch, *, actor: Actor = SYSTEM) -> int:
    """Store what devices said about their state; older statements change nothing.

    Args:
        batch: Statuses [n], each device once; unknown devices are skipped.
        actor: Unused, see `store_readings`.

    Returns:
        Number of devices whose status row was written.
    """
    del actor
    order = np.argsort(batch.device_id, kind="stable")
    order = order[_known_devices.mask(batch.device_id[order])]
    if not len(order):
        return 0
    columns: dict[str, NDArray[Any]] = {
        "device_id": batch.device_id[order],
        "connection": batch.connection[order],
        "operating": batch.operating[order],
        "alarm_bits": batch.alarm_bits[order],
        "local_control": batch.local_control[order],
        "contact_at": batch.contact_at[order].view("M8[us]"),
    }
    with transaction.atomic():
        written = bulk.execute(_STATUS.format(new=bulk.unnest(columns)), columns).rowcount
        transaction.on_commit(partial(_announce_statuses, columns))
    return written


def _announce_statuses(columns: dict[str, NDArray[Any]]) -> None:
    stream.append("statuses", stream.encode_statuses(columns))
    push_rows(columns["device_id"])
