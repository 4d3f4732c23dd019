"""Journaling 100,000 commands against a bare COPY, and 1,000 set points through to the devices."""

import datetime as dt
import statistics
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from derms.core import bulk, clock
from derms.core.actors import SYSTEM
from derms.southbound import runtime, selectors, services
from derms.southbound.contract import CommandKind
from tests.factories.wires import register, running_fleet
from tests.performance.report import Row, median_s

N = 100_000
DEVICES = 1000


def _queue(ids: np.ndarray, value: float, origin: uuid.UUID, revision: int) -> None:
    services.queue_commands(
        origin=origin,
        revision=revision,
        kind=CommandKind.SET_ACTIVE_POWER,
        device_ids=ids,
        values=np.full(len(ids), value),
        valid_until=clock.now() + dt.timedelta(minutes=5),
        reversion_s=600,
        actor=SYSTEM,
    )


def _truncate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE southbound_devicecommand, events_outboxfact")


def _journal_row() -> Row:
    ids = np.arange(1, N + 1, dtype="int32")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_copy AS SELECT device_id, origin, revision, kind, value, shard,"
            " valid_until, reversion_s, created_at FROM southbound_devicecommand LIMIT 0"
        )
    now = np.datetime64("2026-01-01T00:00:00", "us")
    plain = {
        "device_id": ids,
        "origin": np.frombuffer(uuid.uuid4().bytes * N, dtype="V16"),
        "revision": np.full(N, 1, dtype="int32"),
        "kind": np.full(N, 1, dtype="int16"),
        "value": np.full(N, 1.0),
        "shard": (ids % 4).astype("int16"),
        "valid_until": np.full(N, now),
        "reversion_s": np.full(N, 60, dtype="int32"),
        "created_at": np.full(N, now),
    }

    def bare() -> None:
        with transaction.atomic():
            bulk.copy_in("bench_copy", plain)

    floor = median_s(bare, rounds=5)
    times = []
    for _ in range(6):
        begun = time.perf_counter()
        _queue(ids, 1.0, uuid.uuid4(), 1)
        times.append(time.perf_counter() - begun)
        with connection.cursor() as cursor:  # as if the senders had been at it
            cursor.execute("UPDATE southbound_devicecommand SET state = 6 WHERE state = 1")
    ours = statistics.median(times[1:])
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_copy")
    _truncate()
    return Row("journaling 100,000 commands", ours * 1e3, floor * 1e3, "ms",
               "COPY, no index", "< 1 s", ours < 1)  # fmt: skip


def _outcomes(origin: uuid.UUID) -> Counter[tuple[int, int, str, str]]:
    return Counter(
        (row.revision, row.state, row.protocol_code, row.detail)
        for row in selectors.list_commands(origin=origin)
    )


def _send(shard: int) -> None:
    services.send_shard(shard)
    connection.close()


def _send_row() -> Row:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_fleet(Path(folder), count=DEVICES, mix="battery=1") as fleet,
    ):
        register(fleet)
        ids = np.array([device.id for device in fleet.devices])
        origin = uuid.uuid4()
        times = []
        for revision in range(1, 5):
            begun = time.perf_counter()
            _queue(ids, 10.0 * revision, origin, revision)
            threads = [
                threading.Thread(target=_send, args=(shard,))
                for shard in range(settings.SOUTHBOUND_SHARDS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            times.append(time.perf_counter() - begun)
        assert selectors.command_states(origin, revision=4) == {"active": DEVICES}
        assert len(fleet.writes()) == 4 * DEVICES, _outcomes(origin)
        runtime.stop()
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE devices_enddevice CASCADE")
        _truncate()
    warm = min(times[1:])
    return Row("1,000 set points sent and read back", warm * 1e3, None, "ms", "",
               f"first, with connecting: {times[0] * 1e3:.0f} ms")  # fmt: skip


def run() -> list[Row]:
    return [_journal_row(), _send_row()]
