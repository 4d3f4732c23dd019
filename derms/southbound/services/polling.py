"""Poll the devices of one shard and rate, and hand on what they say as arrays.

For the Celery tasks of this room. One run at a time per shard and rate, over all processes; a run
that finds the last one still going counts an overrun and leaves.
"""

import datetime as dt
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import numpy as np
from django.conf import settings
from django.db import connection
from prometheus_client import Counter, Gauge, Histogram

from derms.core import bulk, clock
from derms.core.errors import DriverError
from derms.core.quantities import Quality
from derms.devices.choices import ConnectionState, ReadingSource
from derms.devices.selectors.wires import PollTarget, list_poll_targets
from derms.devices.services import ReadingBatch, StatusBatch, store_readings, store_status
from derms.devices.services.plates import complete_nameplates, store_settings
from derms.southbound import gateway
from derms.southbound.contract import Measurement, SettingsReading, Target
from derms.southbound.rules.rates import interval_range
from derms.southbound.services import links

SETTINGS_AGE = dt.timedelta(hours=1)
SETTINGS_PER_RUN = 100
"""Settings are read a few devices at a time, so that a restart does not slow the first polls."""
# First key of the advisory lock of a shard and rate; any fixed number.
_LOCK = 0x6465_726D

POLL_SECONDS = Histogram(
    "derms_southbound_poll_seconds",
    "Time of one poll run",
    ["rate_s"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60),
)
OVERRUNS = Counter(
    "derms_southbound_overruns_total", "Poll runs that took longer than their period", ["rate_s"]
)
DEVICES = Gauge(
    "derms_southbound_devices",
    "Devices of the last poll run",
    ["shard", "rate_s", "outcome"],
    multiprocess_mode="mostrecent",
)
_log = logging.getLogger(__name__)

_NOTE_RUN = """
INSERT INTO southbound_shardrun AS old
    (shard, rate_s, started_at, duration_ms, devices, answered, overruns)
VALUES (%(shard)s, %(rate)s, %(at)s, %(ms)s, %(devices)s, %(answered)s, %(late)s)
ON CONFLICT (shard, rate_s) DO UPDATE SET started_at = excluded.started_at,
    duration_ms = excluded.duration_ms, devices = excluded.devices,
    answered = excluded.answered, overruns = old.overruns + excluded.overruns
"""
_NOTE_OVERRUN = """
INSERT INTO southbound_shardrun AS old
    (shard, rate_s, started_at, duration_ms, devices, answered, overruns)
VALUES (%(shard)s, %(rate)s, now(), 0, 0, 0, 1)
ON CONFLICT (shard, rate_s) DO UPDATE SET overruns = old.overruns + 1
"""


def poll_shard(shard: int, rate_s: int) -> int:
    """Poll every device of a shard that has this rate, once.

    Args:
        shard: Number of the shard.
        rate_s: One of SOUTHBOUND_POLL_RATES_S [s].

    Returns:
        Number of devices that answered; -1 when the last run is still going.
    """
    with _alone(shard, rate_s) as mine:
        if not mine:
            bulk.execute(_NOTE_OVERRUN, {"shard": shard, "rate": rate_s})
            OVERRUNS.labels(rate_s).inc()
            _log.warning("poll of shard %s every %s s: the last run is still going", shard, rate_s)
            return -1
        return _poll(shard, rate_s)


@contextmanager
def _alone(shard: int, rate_s: int) -> Iterator[bool]:
    """Hold the shard and rate over all processes; PostgreSQL lets go when this process dies."""
    keys = {"room": _LOCK, "what": shard * 100_000 + rate_s}
    sql = "SELECT pg_try_advisory_lock(%(room)s::int4, %(what)s::int4)"
    (mine,) = bulk.execute(sql, keys).fetchone() or (False,)
    held_by = connection.connection
    try:
        yield mine
    finally:
        if mine and connection.connection is held_by and not held_by.closed:
            bulk.execute("SELECT pg_advisory_unlock(%(room)s::int4, %(what)s::int4)", keys)


def _poll(shard: int, rate_s: int) -> int:
    started_at, begun = clock.now(), time.monotonic()
    targets = list_poll_targets(
        shard=shard,
        shards=settings.SOUTHBOUND_SHARDS,
        interval_s=interval_range(rate_s, settings.SOUTHBOUND_POLL_RATES_S),
        settings_age=SETTINGS_AGE,
    )
    if not targets:
        return 0
    answers = gateway.measure([_wire(t) for t in targets], deadline=begun + 0.9 * rate_s)
    _store(targets, answers)
    links.record_poll(targets, answers)
    _read_settings(targets, answers, deadline=begun + 0.9 * rate_s)
    answered = sum(isinstance(answer, Measurement) for answer in answers)
    _note_run(shard, rate_s, started_at, time.monotonic() - begun, len(targets), answered)
    return answered


def _wire(target: PollTarget) -> gateway.Wire:
    return gateway.Wire(target.protocol, Target(target.id, target.address))


def _note_run(
    shard: int, rate_s: int, at: dt.datetime, took_s: float, devices: int, answered: int
) -> None:
    late = took_s > rate_s
    if late:
        OVERRUNS.labels(rate_s).inc()
        _log.warning("poll of shard %s took %.1f s, its period is %s s", shard, took_s, rate_s)
    POLL_SECONDS.labels(rate_s).observe(took_s)
    DEVICES.labels(shard, rate_s, "answered").set(answered)
    DEVICES.labels(shard, rate_s, "silent").set(devices - answered)
    bulk.execute(
        _NOTE_RUN,
        {
            "shard": shard,
            "rate": rate_s,
            "at": at,
            "ms": 1000 * took_s,
            "devices": devices,
            "answered": answered,
            "late": int(late),
        },
    )


def _store(targets: Sequence[PollTarget], answers: Sequence[Measurement | DriverError]) -> None:
    """Hand on measurements and statuses, one batch each."""
    good = [(t.id, a) for t, a in zip(targets, answers, strict=True) if isinstance(a, Measurement)]
    if not good:
        return
    rows = [
        (key, int(quantity), round(a.measured_at_s * 1e6), value)
        for key, a in good
        for quantity, value in a.values.items()
    ]
    if rows:
        ids, quantities, instants, values = zip(*rows, strict=True)
        store_readings(
            ReadingBatch(
                device_id=np.array(ids, dtype="int32"),
                quantity=np.array(quantities, dtype="int16"),
                measured_at=np.array(instants, dtype="int64"),
                value=np.array(values, dtype="float64"),
                quality=np.full(len(rows), Quality.GOOD, dtype="int16"),
                source=ReadingSource.POLL,
            )
        )
    store_status(
        StatusBatch(
            device_id=np.array([key for key, _ in good], dtype="int32"),
            connection=np.array([_connection(a) for _, a in good], dtype="int16"),
            operating=np.array([int(a.operating) for _, a in good], dtype="int16"),
            alarm_bits=np.array([a.alarm_bits for _, a in good], dtype="int64"),
            local_control=np.array([a.local_control for _, a in good], dtype=bool),
            contact_at=np.array([round(a.measured_at_s * 1e6) for _, a in good], dtype="int64"),
        )
    )


def _connection(answer: Measurement) -> ConnectionState:
    if answer.connected is None:
        return ConnectionState.UNKNOWN
    return ConnectionState.CONNECTED if answer.connected else ConnectionState.DISCONNECTED


def _read_settings(
    targets: Sequence[PollTarget],
    answers: Sequence[Measurement | DriverError],
    *,
    deadline: float,
) -> None:
    """Read settings and nameplates that are due, of devices that have just answered."""
    due = [
        t
        for t, a in zip(targets, answers, strict=True)
        if t.settings_due and isinstance(a, Measurement)
    ][:SETTINGS_PER_RUN]
    if not due:
        return
    wires = [_wire(target) for target in due]
    stated = gateway.read_settings(wires, deadline=deadline)
    plates = gateway.read_nameplates(wires, deadline=deadline)
    complete_nameplates(
        {
            t.id: asdict(p)
            for t, p in zip(due, plates, strict=True)
            if not isinstance(p, DriverError)
        }
    )
    store_settings(
        {
            t.id: asdict(s)
            for t, s in zip(due, stated, strict=True)
            if isinstance(s, SettingsReading)
        }
    )
