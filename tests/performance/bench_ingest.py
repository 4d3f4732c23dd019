"""Storing readings and importing devices against raw COPY of the same rows into the same tables.

The floors are the hardest ones: COPY of bytes that were encoded beforehand, same table, same
primary key and indexes, its own commit. Rounds of ours and of the floor take turns.
"""

import csv
import io
import statistics
import time
from collections.abc import Callable

import numpy as np
import orjson
from django.db import connection, transaction

from derms.accounts.models import Organisation
from derms.core import bulk, clock, valkey
from derms.core.actors import SYSTEM, Role
from derms.devices import selectors, services
from derms.devices.fleet import Fleet
from derms.devices.rules.device_rows import COLUMNS
from derms.devices.rules.readings import ReadingBatch, check_batch, microseconds
from derms.devices.services import readings
from tests.performance.report import Row, median_s
from tests.personas import person

DEVICES = 100_000
ROWS = 100_000
QUANTITIES = np.array([1, 2, 3, 5], dtype="int16")
ROUNDS = 8
_TABLES = (
    "devices_reading, devices_latestreading, devices_enddevice, devices_nameplate, "
    "devices_enddevicename, devices_devicesettings, devices_devicestatus, grid_usagepoint, "
    "grid_transformer, grid_feeder"
)


def run() -> list[Row]:
    Organisation.objects.get_or_create(name="Bench utility", defaults={"kind": "utility"})
    services.keep_partitions()
    try:
        return [*_imports(), *_ingest(), *_fleet()]
    finally:
        _empty()


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {_TABLES} CASCADE")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# --- devices ------------------------------------------------------------------------------------
def _rows(count: int) -> list[dict[str, object]]:
    return [
        {
            "mrid": f"bench-{i:06}",
            "name": f"Device {i}",
            "kind": ("pv", "battery", "ev_charger", "load")[i % 4],
            "owner": "Bench utility",
            "feeder": f"Feeder {i % 40}",
            "transformer": f"Transformer {i % 4000}",
            "usage_point": f"UP {i}",
            "phase": "ABC",
            "export_limit_w": 10_000,
            "protocol": "sunspec-modbus",
            "address": f"10.0.{i // 250}.{i % 250}:502/1",
            "poll_interval_s": 60,
            "rated_w": 5000 + i % 7,
            "rated_charge_w": 5000,
            "rated_va": 6000,
            "rated_wh": 10_000,
            "manufacturer": "Acme",
            "model": f"M{i % 30}",
            "serial_number": f"SN{i}",
            "lifecycle_state": "registered",
            "eligible": "true",
        }
        for i in range(count)
    ]


def _csv(names: tuple[str, ...], rows: list[dict[str, object]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _imports() -> list[Row]:
    rows = _rows(DEVICES)
    content = _csv(COLUMNS, rows)
    raw = _raw_csv(rows)
    _empty()
    floor = DEVICES / _seconds(lambda: _copy_csv(raw))
    _empty()
    mine = DEVICES / _seconds(lambda: services.import_csv(content, actor=SYSTEM))
    again = _seconds(lambda: services.import_csv(content, actor=SYSTEM))
    exported = _seconds(lambda: b"".join(services.export_csv()))
    return [
        Row("import of 100,000 devices", mine, floor, "rows/s", "COPY csv, same tables",
            ">= 0.20", mine >= 0.2 * floor),
        Row("  the same file again (nothing changes)", DEVICES / again, floor, "rows/s",
            "COPY csv, same tables"),
        Row("export of 100,000 devices", DEVICES / exported, None, "rows/s"),
    ]  # fmt: skip


def _raw_csv(rows: list[dict[str, object]]) -> dict[str, bytes]:
    """Return one CSV per target table, with the keys and defaults filled in."""
    owner = Organisation.objects.get(name="Bench utility").pk
    now = clock.now().isoformat()
    filled = [
        row
        | {
            "id": i + 1_000_000,
            "device_id": i + 1_000_000,
            "owner_id": owner,
            "usage_point_id": i + 1_000_000,
            "feeder_id": i % 40 + 1_000_000,
            "transformer_id": i % 4000 + 1_000_000,
            "created_at": now,
            "modified_at": now,
            "revision": 1,
            "eligibility_reason": "set by an import",
            "rated_var_injected": 0,
            "rated_var_absorbed": 0,
            "normal_category": "A",
            "abnormal_category": "I",
            "firmware_version": "1",
        }
        for i, row in enumerate(rows)
    ]
    feeders = [{"id": row["feeder_id"], "mrid": f"f{row['feeder_id']}", "name": row["feeder"]}
               for row in filled[:40]]  # fmt: skip
    transformers = [
        {"id": row["transformer_id"], "mrid": f"t{row['transformer_id']}",
         "name": row["transformer"], "feeder_id": row["feeder_id"]}
        for row in filled[:4000]
    ]  # fmt: skip
    points = [row | {"name": row["usage_point"]} for row in filled]
    tables = {
        "grid_feeder (id, mrid, name)": feeders,
        "grid_transformer (id, mrid, name, feeder_id)": transformers,
        "grid_usagepoint (id, mrid, name, feeder_id, transformer_id, phase, "
        "export_limit_w)": points,
        "devices_enddevice (id, mrid, name, kind, lifecycle_state, eligible, eligibility_reason, "
        "owner_id, usage_point_id, protocol, address, poll_interval_s, created_at, modified_at, "
        "revision)": filled,
        "devices_nameplate (device_id, rated_w, rated_charge_w, rated_va, rated_var_injected, "
        "rated_var_absorbed, rated_wh, normal_category, abnormal_category, manufacturer, model, "
        "serial_number, firmware_version)": filled,
    }
    return {
        target: _csv(tuple(target.partition("(")[2].rstrip(")").split(", ")), table)
        for target, table in tables.items()
    }


def _copy_csv(raw: dict[str, bytes]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for target, content in raw.items():
            with cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv, HEADER)") as copy:
                copy.write(content)


# --- readings -----------------------------------------------------------------------------------
class _Clockwork:
    """Batches of ROWS readings, each a second later than the one before."""

    def __init__(self) -> None:
        ids = bulk.copy_out("SELECT id FROM devices_enddevice ORDER BY id", {"id": "int32"})["id"]
        chosen = ids[: ROWS // len(QUANTITIES)]
        self.device_id = np.repeat(chosen, len(QUANTITIES))
        self.quantity = np.tile(QUANTITIES, len(chosen))
        self.at = microseconds(clock.now()) - 200_000_000
        self.rng = np.random.default_rng(1)

    def batch(self) -> ReadingBatch:
        self.at += 1_000_000
        return ReadingBatch(
            device_id=self.device_id,
            quantity=self.quantity,
            measured_at=np.full(ROWS, self.at),
            value=self.rng.uniform(-5000, 5000, ROWS),
            quality=np.zeros(ROWS, dtype="int16"),
            source=1,
        )


def _copy_encoded(encoded: bytes) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        names = "measured_at, value, device_id, quantity, quality, source"
        with cursor.copy(f"COPY devices_reading ({names}) FROM STDIN (FORMAT binary)") as copy:
            copy.write(encoded)


def _encoded(batch: ReadingBatch) -> bytes:
    columns = readings._columns(batch)
    return bulk.encode_copy({**columns, "source": np.full(len(batch), 1, dtype="int16")})


def _history_only(batch: ReadingBatch) -> None:
    known = readings._known_devices.mask(batch.device_id)
    check_batch(batch, known=known, now_us=microseconds(clock.now()), max_future_s=60,
                max_age_s=86_400)  # fmt: skip
    with transaction.atomic():
        readings._write_history(batch)


def _body(batch: ReadingBatch, mrids: dict[int, str]) -> bytes:
    names = {1: "active_power_w", 2: "reactive_power_var", 3: "voltage_v", 5: "soc_pct"}
    at = str(batch.measured_at.view("M8[us]")[0]) + "Z"
    columns = zip(batch.device_id.tolist(), batch.quantity.tolist(), batch.value.tolist(),
                  strict=True)  # fmt: skip
    rows = [
        {"device": mrids[d], "quantity": names[q], "measured_at": at, "value": v}
        for d, q, v in columns
    ]
    return orjson.dumps({"readings": rows})


def _ingest() -> list[Row]:
    clockwork = _Clockwork()
    devices = selectors.device_columns(np.unique(clockwork.device_id))
    mrids = dict(zip(devices.id.tolist(), devices.mrid, strict=True))
    client = person(Role.ENGINEER)
    times: dict[str, list[float]] = {"copy": [], "history": [], "latest": [], "rest": []}
    services.store_readings(clockwork.batch())  # fills the table of latest values
    for _ in range(ROUNDS):
        encoded = _encoded(clockwork.batch())
        times["copy"].append(_seconds(lambda encoded=encoded: _copy_encoded(encoded)))
        batch = clockwork.batch()
        times["history"].append(_seconds(lambda batch=batch: _history_only(batch)))
        batch = clockwork.batch()
        times["latest"].append(_seconds(lambda batch=batch: services.store_readings(batch)))
        body = _body(clockwork.batch(), mrids)
        times["rest"].append(_seconds(lambda body=body: _post(client, body)))
    # The best of each: what the work costs, not what the machine did meanwhile.
    rate = {name: ROWS / min(took) for name, took in times.items()}
    floor, floor_name = rate["copy"], "raw COPY, same PK"
    return [
        Row("readings, history only", rate["history"], floor, "rows/s", floor_name,
            ">= 0.50", rate["history"] >= 0.5 * floor),
        Row("readings, with latest values", rate["latest"], floor, "rows/s", floor_name,
            ">= 0.30", rate["latest"] >= 0.3 * floor),
        Row("readings by REST, JSON, with latest values", rate["rest"], floor, "rows/s",
            floor_name),
    ]  # fmt: skip


def _post(client, body: bytes) -> None:
    response = client.generic("POST", "/api/v1/readings", body, content_type="application/json")
    assert response.json()["stored"] == ROWS, response.content[:500]


# --- the fleet in memory --------------------------------------------------------------------------
def _fleet() -> list[Row]:
    fleet = Fleet()
    loaded = median_s(fleet.load, rounds=3)
    assert len(fleet) == DEVICES
    clockwork = _Clockwork()
    picked = np.arange(0, ROWS, 20)
    ticks = []
    for _ in range(7):
        services.store_readings(clockwork.batch().take(picked))
        ticks.append(_seconds(fleet.refresh))
    tick = statistics.median(ticks)
    limits = median_s(fleet.limits)
    columns = median_s(_columns, rounds=3)
    again = median_s(selectors.columns_snapshot, rounds=3)
    return [
        Row("fleet tick: 5,000 readings into 100,000 devices", tick * 1e3, None, "ms", "",
            "<= 10 ms", tick <= 0.01),
        Row("limits of 100,000 devices", limits * 1e3, None, "ms"),
        Row("full load of 100,000 devices", loaded * 1e3, None, "ms"),
        Row("columns of 100,000 devices for the browser, built", columns * 1e3, None, "ms"),
        Row("  asked again within 5 s", again * 1e3, None, "ms", "", "<= 300 ms", again <= 0.3),
    ]  # fmt: skip


def _columns() -> None:
    """Build the document anew, as the first of many askers makes the process do."""
    valkey.client().delete("derms:devices:columns:all")
    assert selectors.columns_snapshot().etag
