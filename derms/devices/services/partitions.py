"""Partitions of the readings: made ahead and on demand, dropped when past their retention.

Readings by day, roll-ups by month. A new partition is made as a plain table and then attached,
because ATTACH does not stop writers, while CREATE ... PARTITION OF locks the whole table.

Source: PostgreSQL manual, "Table Partitioning", "Partition Maintenance".
"""

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import OperationalError, connection, transaction
from numpy.typing import NDArray

from derms.core import clock

Days = NDArray[np.datetime64]
_DAYS_AHEAD = 3
# Held while making partitions, so that two makers do not meet half-way; any fixed number.
_LOCK = 0x6465_726D_0001
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Kind:
    table: str
    key: str
    unit: str  # numpy datetime unit of one partition


_READINGS = _Kind("devices_reading", "measured_at", "D")
_ROLLUPS = _Kind("devices_readingrollup", "start_at", "M")


def ensure_reading_days(days: Days) -> None:
    """Make sure readings of these days (datetime64[D]) have a partition."""
    _ensure(_READINGS, days)


def ensure_rollup_months(days: Days) -> None:
    """Make sure roll-ups of the months of these days (datetime64[D]) have a partition."""
    _ensure(_ROLLUPS, np.unique(days.astype("M8[M]")))


def first_reading_day() -> dt.datetime | None:
    """Return the start of the oldest day that has a partition; None when none has."""
    days = sorted(_partitions(_READINGS))
    if not days:
        return None
    return dt.datetime.strptime(days[0][-8:], "%Y%m%d").replace(tzinfo=dt.UTC)


def keep_partitions() -> list[str]:
    """Make the partitions of the coming days, drop those past their retention.

    Returns:
        Names of the tables dropped.
    """
    today = np.datetime64(clock.now().replace(tzinfo=None), "D")
    ahead = today + np.arange(_DAYS_AHEAD + 1)
    ensure_reading_days(ahead)
    ensure_rollup_months(ahead)
    dropped = _drop_before(_READINGS, today - settings.READING_RETENTION_DAYS)
    dropped += _drop_before(_ROLLUPS, today - settings.ROLLUP_RETENTION_DAYS)
    return dropped


def _name(kind: _Kind, start: np.datetime64) -> str:
    return f"{kind.table}_{str(start).replace('-', '')}"


def _ensure(kind: _Kind, starts: NDArray[Any]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        present = _partitions(kind)
        for start in starts.astype(f"M8[{kind.unit}]"):
            name = _name(kind, start)
            if name in present:
                continue
            first, last = start.astype("M8[D]"), (start + 1).astype("M8[D]")
            cursor.execute(f"CREATE TABLE {name} (LIKE {kind.table} INCLUDING ALL)")
            cursor.execute(
                f"ALTER TABLE {kind.table} ATTACH PARTITION {name} "
                f"FOR VALUES FROM ('{first}+00') TO ('{last}+00')"
            )


def _partitions(kind: _Kind) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            [kind.table],
        )
        return {name for (name,) in cursor.fetchall()}


def _drop_before(kind: _Kind, horizon: np.datetime64) -> list[str]:
    """Drop partitions that end at or before `horizon`; one transaction each, oldest first."""
    dropped = []
    for name in sorted(_partitions(kind)):
        digits = name.rpartition("_")[2]
        text = f"{digits[:4]}-{digits[4:6]}" + (f"-{digits[6:]}" if kind.unit == "D" else "")
        end = (np.array(text, dtype=f"M8[{kind.unit}]") + 1).astype("M8[D]")
        if end > horizon:
            continue
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # Rather give up than queue in front of every writer; the next run tries again.
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                cursor.execute(f"DROP TABLE IF EXISTS {name}")
        except OperationalError:
            _log.warning("partition %s is busy, dropped later", name)
            break
        dropped.append(name)
    if dropped:
        _log.info("dropped partitions past their retention: %s", ", ".join(dropped))
    return dropped
