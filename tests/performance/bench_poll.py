"""Polling of 1,000 simulated SunSpec devices every 5 s: wall time and CPU share of the poller.

The simulator is a process of its own; PostgreSQL and Valkey are too. The share counts what the
polling process itself burns: Modbus, decoding, and storing readings and statuses.
"""

import statistics
import tempfile
import threading
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

from derms.devices.models import LatestReading
from derms.southbound import runtime, services
from tests.factories.wires import register, running_fleet
from tests.performance.report import Row

DEVICES = 1000
PERIOD_S = 5
CYCLES = 5


def _poll(shard: int, answered: list[int]) -> None:
    answered.append(services.poll_shard(shard, PERIOD_S))
    connection.close()


def _cycle() -> tuple[float, float, int]:
    """Poll every shard once, in parallel as the workers do: wall [s], CPU [s], answers."""
    answered: list[int] = []
    wall, cpu = time.perf_counter(), time.process_time()
    threads = [
        threading.Thread(target=_poll, args=(shard, answered))
        for shard in range(settings.SOUTHBOUND_SHARDS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - wall, time.process_time() - cpu, sum(answered)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        mix = "pv=0.45,battery=0.3,ev_charger=0.13,load=0.12"
        arguments = ("--poll-interval", str(PERIOD_S))
        with running_fleet(Path(folder), *arguments, count=DEVICES, mix=mix) as fleet:
            register(fleet)
            try:
                return _measure()
            finally:
                runtime.stop()
                with connection.cursor() as cursor:
                    cursor.execute("TRUNCATE devices_enddevice CASCADE")


def _measure() -> list[Row]:
    for _ in range(4):  # connect, scan, read settings 100 devices a shard at a time
        _cycle()
    cycles = [_cycle() for _ in range(CYCLES)]
    assert all(answered == DEVICES for _, _, answered in cycles)
    assert LatestReading.objects.values("device_id").distinct().count() == DEVICES
    wall = statistics.median(wall for wall, _, _ in cycles)
    cpu = statistics.median(cpu for _, cpu, _ in cycles)
    return [
        Row(f"poll of {DEVICES:,} devices, one cycle", wall * 1e3, PERIOD_S * 1e3, "ms",
            f"period of {PERIOD_S} s", "< period", wall < PERIOD_S),
        Row("  CPU of the polling process", 100 * cpu / PERIOD_S, 100, "% of a core",
            "one core", "<= 1 core", cpu <= PERIOD_S),
    ]  # fmt: skip
