"""A dispatch of 100,000 members: accept, plan and journal; against COPY of the journal rows.

Planning and journaling is what `run_tick` does when the start has come: find the members, share
the target, take the revision and write every command, in one committed transaction.
"""

import csv
import io
import time
import uuid
from collections.abc import Callable, Iterator

import numpy as np
from django.db import connection, transaction

from derms.accounts.choices import OrganisationKind
from derms.accounts.models import Organisation
from derms.core import bulk, clock
from derms.core.actors import SYSTEM
from derms.core.quantities import Quality, Quantity
from derms.devices import services as devices
from derms.devices.choices import ReadingSource
from derms.devices.fleet import get_fleet
from derms.devices.rules.device_rows import COLUMNS
from derms.devices.rules.readings import ReadingBatch, microseconds
from dispatch import services
from dispatch.rules.request import DispatchData
from groups.choices import DerFunction
from groups.rules.definition import GroupData, GroupKey, MemberKeys
from groups.services import create_group
from tests.performance.report import Row

MEMBERS, SMALL, ROUNDS = 100_000, 10_000, 5
_DEVICE = {
    "kind": "battery",
    "owner": "Bench utility",
    "rated_w": 5000,
    "rated_charge_w": 5000,
    "rated_va": 6000,
    "rated_wh": 10_000,
    "lifecycle_state": "registered",
    "eligible": "true",
    "poll_interval_s": 60,
}
_TABLES = (
    "southbound_devicecommand, dispatch_groupdispatch, groups_dergroup, devices_enddevice, "
    "events_outboxfact"
)


_STEPS = ("accept small", "accept day", "accept large", "plan", "quiet", "copy")


def run() -> list[Row]:
    ids = _register()
    try:
        return _measure(ids)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {_TABLES} CASCADE")


def _register() -> np.ndarray:
    Organisation.objects.get_or_create(
        name="Bench utility", defaults={"kind": OrganisationKind.UTILITY}
    )
    devices.keep_partitions()
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for i in range(MEMBERS):
        writer.writerow(_DEVICE | {"mrid": f"d-{i}", "name": f"D {i}"})
    devices.import_csv(out.getvalue().encode(), actor=SYSTEM)
    got = bulk.copy_out("SELECT id FROM devices_enddevice ORDER BY id", {"id": "int32"})
    return got["id"]


def _report(ids: np.ndarray, quantity: Quantity, values: np.ndarray) -> None:
    devices.store_readings(
        ReadingBatch(
            device_id=ids,
            quantity=np.full(ids.size, quantity, dtype="int16"),
            measured_at=np.full(ids.size, microseconds(clock.now()), dtype="int64"),
            value=values,
            quality=np.full(ids.size, Quality.GOOD, dtype="int16"),
            source=ReadingSource.POLL,
        )
    )


def _group(name: str, mrids: tuple[str, ...]) -> str:
    functions = frozenset({DerFunction.REAL_POWER_DISPATCH})
    data = GroupData(name=name, functions=functions, members=MemberKeys(mrids=mrids))
    return create_group(data=data, actor=SYSTEM).mrid


def _dispatch(group: str, value: float, points: int = 1) -> DispatchData:
    return DispatchData(
        group=GroupKey(mrid=group),
        parameter="activePower",
        interval_s=900.0,
        values=(value,) * points,
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _measure(ids: np.ndarray) -> list[Row]:
    rng = np.random.default_rng(2)
    _report(ids, Quantity.ACTIVE_POWER_W, rng.normal(0, 100, ids.size))
    _report(ids, Quantity.SOC_PCT, rng.uniform(20, 90, ids.size))
    mrids = tuple(f"d-{i}" for i in range(MEMBERS))
    large, small = _group("LARGE", mrids), _group("SMALL", mrids[:SMALL])
    get_fleet().load()
    times: dict[str, list[float]] = {name: [] for name in _STEPS}
    for k in range(ROUNDS):
        _report(ids, Quantity.ACTIVE_POWER_W, rng.normal(0, 100, ids.size))
        get_fleet().refresh()
        for name, seconds in _round(k, small, large, ids):
            times[name].append(seconds)

    def ms(name: str) -> float:
        return 1e3 * float(np.median(times[name]))

    planned = ms("plan")
    return [
        Row("plan and journal 100,000 commands", planned, ms("copy"), "ms", "COPY of the rows",
            "<= 2 s", planned <= 2000),
        Row("  accept a dispatch of 100,000 members", ms("accept large"), None, "ms"),
        Row("  a second of its closed loop, nothing to do", ms("quiet"), None, "ms"),
        Row("accept a dispatch of 10,000 members", ms("accept small"), None, "ms", "",
            "<= 100 ms", ms("accept small") <= 100),
        Row("  with 96 intervals", ms("accept day"), None, "ms"),
    ]  # fmt: skip


def _round(k: int, small: str, large: str, ids: np.ndarray) -> Iterator[tuple[str, float]]:
    rows = []

    def accept(group: str, value: float, points: int = 1) -> float:
        data = _dispatch(group, value, points)
        return _seconds(lambda: rows.append(services.create_dispatch(data=data, actor=SYSTEM)))

    yield "accept small", accept(small, 2e6 + k)
    yield "accept day", accept(small, 2e6 + k, 96)
    for row in rows:
        services.cancel_dispatch(mrid=row.mrid, reason="", actor=SYSTEM)
    yield "accept large", accept(large, 2e7 * (-1) ** k)
    yield "plan", _seconds(services.run_tick)
    yield "quiet", _seconds(services.run_tick)
    yield "copy", _copy(ids)
    services.cancel_dispatch(mrid=rows[-1].mrid, reason="", actor=SYSTEM)


def _copy(ids: np.ndarray) -> float:
    """COPY as many journal rows, encoded by numpy as well, and commit."""
    n, at = ids.size, np.datetime64(clock.now().replace(tzinfo=None), "us")
    columns = {
        "device_id": ids,
        "origin": np.frombuffer(uuid.uuid4().bytes * n, dtype="V16"),
        "revision": np.full(n, 1, dtype="int32"),
        "kind": np.full(n, 1, dtype="int16"),
        "value": np.zeros(n),
        "shard": (ids % 4).astype("int16"),
        "state": np.full(n, 1, dtype="int16"),
        "valid_until": np.full(n, at),
        "reversion_s": np.full(n, 300, dtype="int32"),
        "created_at": np.full(n, at),
    }

    def work() -> None:
        with transaction.atomic():
            bulk.copy_in("southbound_devicecommand", columns)

    return _seconds(work)
