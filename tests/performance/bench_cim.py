"""Creating a group of 10,000 members over SOAP, validated and committed, and asking it back.

The time is that of the whole request inside the web process: envelope, schema, references,
memberships, audit, message log and commit with fsync. The floors are what no implementation can
leave out: parse and schema check of the same body, and COPY of as many membership rows.
"""

import csv
import io
import itertools
import time

import numpy as np
from django.db import connection, transaction
from django.test import Client
from lxml import etree

from derms.accounts.choices import OrganisationKind
from derms.accounts.models import Organisation
from derms.core import bulk
from derms.core.actors import SYSTEM, Role
from derms.devices.rules.device_rows import COLUMNS
from derms.devices.services.importer import import_csv
from tests.cim import messages
from tests.performance.report import Row, median_s
from tests.personas import system

MEMBERS, ROUNDS = 10_000, 9
_DEVICE = {
    "kind": "battery", "owner": "Bench utility", "rated_w": 5000, "rated_charge_w": 5000,
    "rated_va": 6000, "rated_wh": 10_000, "lifecycle_state": "registered", "eligible": "true",
    "poll_interval_s": 60,
}  # fmt: skip
_TABLES = "groups_dergroup, devices_enddevice, events_outboxfact, cim_cimmessage"
_numbers = itertools.count()


def _register() -> list[str]:
    Organisation.objects.get_or_create(
        name="Bench utility", defaults={"kind": OrganisationKind.UTILITY}
    )
    mrids = [f"00000000-0000-4000-8000-{i:012d}" for i in range(MEMBERS)]
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows({"mrid": m, "name": f"B{i}", **_DEVICE} for i, m in enumerate(mrids))
    report = import_csv(out.getvalue().encode(), actor=SYSTEM)
    assert report.applied, report.errors[:3]
    return mrids


def _create(client: Client, body: bytes) -> None:
    reply = client.post(
        "/61968-5/create/executeDERGroups", body, content_type="text/xml; charset=utf-8"
    )
    assert reply.status_code == 200
    assert b"<m:Result>OK" in reply.content or b">OK<" in reply.content, reply.content[:600]


def _bodies(mrids: list[str], count: int) -> list[bytes]:
    groups = [messages.group(name=f"BENCH-{next(_numbers)}", members=mrids) for _ in range(count)]
    return [messages.soap(messages.create_groups(group)) for group in groups]


def _copy_memberships(ids: np.ndarray) -> None:
    with transaction.atomic():
        bulk.copy_in("bench_membership", {"group_id": np.zeros_like(ids), "device_id": ids})


def run() -> list[Row]:
    mrids = _register()
    client = Client(HTTP_AUTHORIZATION=system(Role.DMS).defaults["HTTP_AUTHORIZATION"])
    try:
        bodies = _bodies(mrids, ROUNDS + 2)
        for body in bodies[:2]:
            _create(client, body)
        times = []
        for body in bodies[2:]:
            start = time.perf_counter()
            _create(client, body)
            times.append(time.perf_counter() - start)
        ours = float(np.median(times))
        parse = median_s(lambda: etree.fromstring(bodies[0]), rounds=9)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM groups_membership WHERE upper_inf(period)")
            assert cursor.fetchone()[0] == MEMBERS * (ROUNDS + 2)
            cursor.execute(
                "CREATE TABLE bench_membership (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
                " group_id int, device_id int, UNIQUE (group_id, device_id, id))"
            )
        copy = median_s(lambda: _copy_memberships(np.arange(MEMBERS, dtype="int32")), rounds=9)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS bench_membership")
            cursor.execute(f"TRUNCATE {_TABLES} CASCADE")
    return [
        Row("CIM create of 10,000 members", ours * 1e3, copy * 1e3, "ms",
            "COPY of 10,000 memberships", "<= 150 ms", ours <= 0.15),
        Row("  against parsing the body alone", ours * 1e3, parse * 1e3, "ms", "lxml parse"),
    ]  # fmt: skip
