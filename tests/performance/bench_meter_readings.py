"""100,000 readings of a head-end in one message, against raw COPY of as many rows.

The time is that of the whole request inside the web process: SOAP, parser, schema, message log,
columns, history and latest values, commit with fsync. The floor is COPY of bytes that were encoded
beforehand into the same table, with the same primary key, in its own commit; they take turns.
"""

import itertools
import time
from collections.abc import Callable

import numpy as np
from django.db import connection, transaction
from django.test import Client
from lxml import etree

from derms.accounts.choices import OrganisationKind
from derms.accounts.models import Organisation
from derms.cim import schema
from derms.cim.operations import get
from derms.core import bulk, clock
from derms.core.actors import Role
from derms.devices.cim.reading_columns import read_columns
from derms.devices.models import EndDevice
from derms.devices.rules.readings import microseconds
from derms.devices.services import keep_partitions
from tests.cim import messages
from tests.cim import meter_messages as build
from tests.performance.report import Row
from tests.personas import system

ROWS, ROUNDS = 100_000, 5
SHAPES = ((1000, 100), (20_000, 5))
"""Meters in a message, and readings of each; the goal is for the first, as head-ends send days."""
_GOAL = 0.15
_SECOND = 1_000_000
_TABLES = "devices_reading, devices_latestreading, devices_enddevice, cim_cimmessage"
# A minute's mean power, so that rounds of 100 intervals do not fill a day.
_POWER = "0.2.3.6.4.1.37.0.0.0.0.0.0.0.0.0.38.0"
_turns = itertools.count()
_START = clock.now()


def run() -> list[Row]:
    keep_partitions()
    owner, _ = Organisation.objects.get_or_create(
        name="Bench utility", defaults={"kind": OrganisationKind.UTILITY}
    )
    now = clock.now()
    devices = EndDevice.objects.bulk_create(
        EndDevice(
            mrid=f"00000000-0000-4000-8000-{i:012d}", name=f"M{i}", kind="load",
            lifecycle_state="registered", owner=owner, created_at=now, modified_at=now,
        )
        for i in range(max(meters for meters, _ in SHAPES))
    )  # fmt: skip
    try:
        return [row for meters, _ in SHAPES for row in _compare(devices[:meters])]
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {_TABLES} CASCADE")


def _times(count: int) -> np.ndarray:
    """A time for each interval that no other round uses; microseconds."""
    first = microseconds(_START) // _SECOND - 3600 + next(_turns)
    return (first - 60 * np.arange(count)[::-1]) * _SECOND


def _body(devices: list[EndDevice]) -> bytes:
    meters, count = len(devices), ROWS // len(devices)
    stamps = [f"{at}Z" for at in _times(count).view("M8[us]").astype("M8[s]").astype(str)]
    values = np.random.default_rng(1).uniform(-5000, 5000, (meters, count)).round(1).tolist()
    told = [
        build.meter_reading(
            device.mrid,
            blocks=build.block(
                _POWER,
                *(build.interval(at, v, "1.0.0") for at, v in zip(stamps, row, strict=True)),
            ),
        )
        for device, row in zip(devices, values, strict=True)
    ]
    return messages.soap(build.created(*told))


def _encoded(devices: list[EndDevice]) -> bytes:
    ids = np.array([device.pk for device in devices], dtype="int32")
    count = ROWS // len(devices)
    return bulk.encode_copy({
        "measured_at": np.tile(_times(count), len(devices)).view("M8[us]"),
        "value": np.random.default_rng(1).uniform(-5000, 5000, ROWS),
        "device_id": np.repeat(ids, count),
        "quantity": np.ones(ROWS, dtype="int16"),
        "quality": np.zeros(ROWS, dtype="int16"),
        "source": np.full(ROWS, 3, dtype="int16"),
    })  # fmt: skip


def _copy(encoded: bytes) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        names = "measured_at, value, device_id, quantity, quality, source"
        with cursor.copy(f"COPY devices_reading ({names}) FROM STDIN (FORMAT binary)") as copy:
            copy.write(encoded)


def _post(client: Client, body: bytes) -> None:
    reply = client.post(
        "/61968-9/create/receiveMeterReadings", body, content_type="text/xml; charset=utf-8"
    )
    assert b"Result>OK<" in reply.content, reply.content[:2000]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM devices_reading")
        return int(cursor.fetchone()[0])


def _compare(devices: list[EndDevice]) -> list[Row]:
    before = _stored()
    client = Client(HTTP_AUTHORIZATION=system(Role.DMS).defaults["HTTP_AUTHORIZATION"])
    times: dict[str, list[float]] = {"post": [], "copy": []}
    body = b""
    for _ in range(ROUNDS + 1):
        body, encoded = _body(devices), _encoded(devices)
        times["post"].append(_seconds(lambda body=body: _post(client, body)))
        times["copy"].append(_seconds(lambda encoded=encoded: _copy(encoded)))
    assert _stored() == before + 2 * ROWS * (ROUNDS + 1)
    rate = {name: ROWS / min(took[1:]) for name, took in times.items()}
    aim = (f">= {_GOAL}", rate["post"] >= _GOAL * rate["copy"])
    if len(devices) != SHAPES[0][0]:
        aim = ("", None)
    rows = [
        Row(f"readings of {len(devices):,} meters, {len(body) / 1e6:.0f} MB", rate["post"],
            rate["copy"], "rows/s", "raw COPY, same PK", *aim),
    ]  # fmt: skip
    return rows + _parts(body)


def _parts(body: bytes) -> list[Row]:
    """Where the time goes, each part alone."""
    root = etree.fromstring(body, schema.parser())
    content = next(root.iter(f"{{{build.BASE}MeterReadings#}}MeterReadings"))
    message = content.getparent().getparent()
    messages_of = get("CreatedMeterReadings").messages
    took = {
        "parsing": min(_seconds(lambda: etree.fromstring(body, schema.parser())) for _ in "123"),
        "schema": min(_seconds(lambda: schema.check(messages_of, message)) for _ in "123"),
        "columns": min(_seconds(lambda: read_columns(content)) for _ in "123"),
    }
    return [Row(f"  {name} alone", s * 1e3, None, "ms") for name, s in took.items()]
