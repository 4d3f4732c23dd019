"""Integration health: partners, wires and refusals at a glance; the log as files."""

import csv
import datetime as dt
import io
import json
import zipfile

import pytest

from derms.accounts.choices import ClientStage
from derms.cim.models import CimMessage, OutboundMessage
from derms.conformance.models import PartnerRun
from derms.core import clock
from derms.core.actors import Role
from tests.cim.messages import create_groups, group, soap
from tests.factories import accounts, partners
from tests.factories.devices import make_device
from tests.personas import system

pytestmark = pytest.mark.django_db
PATH = "/61968-5/create/executeDERGroups"


def exchange(client, direction="in", *, ago_s=0.0, **more):
    values = {
        "path": "create/executeDERGroups",
        "verb": "create",
        "noun": "DERGroups",
        "result": "OK",
        "code": "0.0",
        "http_status": 200,
        "duration_ms": 20.0,
        "received_at": clock.now() - dt.timedelta(seconds=ago_s),
    }
    return CimMessage.objects.create(
        direction=direction, client_id=client.mrid, client_name=client.client_id, **values | more
    )


def health(caller):
    said = caller.get("/api/v1/integration")
    assert said.status_code == 200, said.content
    return said.json()


def test_rates_errors_latencies_and_clock_of_each_direction(engineer):
    client, _ = accounts.client(Role.DMS, stage=ClientStage.LIVE)
    for number in range(10):
        exchange(client, duration_ms=10.0 * (number + 1), drift_s=2.0)
    exchange(client, ago_s=1000, result="FAILED", code="6.1", details="No such thing", drift_s=9.0)
    exchange(client, ago_s=5 * 3600)
    exchange(client, "out", result="", code="", http_status=None, details="Connection refused")
    exchange(client, replay_of="x", result="FAILED", duration_ms=9e9)

    (row,) = health(engineer)["partners"]

    assert (row["client_id"], row["bench"], row["endpoint"]) == (client.client_id, "live", None)
    inbound, outbound = row["inbound"], row["outbound"]
    assert (inbound["messages"], inbound["failed"], inbound["per_min"]) == (11, 1, 2.0)
    assert (inbound["median_ms"], inbound["p95_ms"]) == (50.0, 95.0)
    assert inbound["error"] == "FAILED 6.1 No such thing"
    assert (sum(inbound["curve"]), len(inbound["curve"])) == (11, 36)
    assert row["drift_s"] == 2.0
    assert (outbound["messages"], outbound["failed"]) == (1, 1)
    assert outbound["error"] == "Connection refused"


def test_last_contact_is_told_however_long_ago(engineer):
    client, _ = accounts.client(Role.DMS)
    old = exchange(client, ago_s=86400 * 3)

    (row,) = health(engineer)["partners"]

    assert dt.datetime.fromisoformat(row["inbound"]["last_at"]) == old.received_at
    assert (row["inbound"]["messages"], row["outbound"]["last_at"]) == (0, None)


def test_backlog_and_way_to_live_work(engineer):
    partner = partners.partner()
    OutboundMessage.objects.create(
        partner=partner, noun="DERGroups", verb="created", message_id="m",
        created_at=clock.now() - dt.timedelta(minutes=5),
    )  # fmt: skip
    client = partner.client
    client.stage = ClientStage.SANDBOX
    client.save()
    stages = {}
    for state in ("running", "failed", "passed"):
        PartnerRun.objects.all().delete()
        PartnerRun.objects.create(
            client=client, scenario="dms", state=state, started_at=clock.now(), step_timeout_s=60
        )
        (row,) = health(engineer)["partners"]
        stages[state] = row["bench"]

    assert stages == {"running": "running", "failed": "sandbox", "passed": "to_accept"}
    assert (row["endpoint"]["waiting"], row["endpoint"]["mrid"]) == (1, partner.mrid)
    assert row["endpoint"]["oldest_waiting_s"] > 299


def test_wires_by_driver_without_the_sandbox(engineer):
    make_device(protocol="sunspec-modbus", address="127.0.0.1:1")

    assert health(engineer)["links"] == [
        {"protocol": "sunspec-modbus", "state": "unknown", "devices": 1}
    ]


def test_refusals_and_faults_newest_first(engineer):
    client, _ = accounts.client(Role.DMS)
    exchange(client, result="FAILED", code="7.5", details="may not")
    exchange(client, result="FAILED", code="6.1")
    exchange(client, result="FAULT", code="1.8", http_status=500)

    assert [row["code"] for row in health(engineer)["refusals"]] == ["1.8", "7.5"]


def test_people_of_the_utility_alone_see_it(dms, stranger, operator):
    assert operator.get("/api/v1/integration").status_code == 200
    assert dms.get("/api/v1/integration").status_code == 403
    assert stranger.get("/api/v1/integration").status_code in (401, 403)


def test_drift_is_kept_when_a_message_comes_in(engineer):
    caller = system(Role.DMS)
    body = soap(create_groups(group("m", "G")))
    ahead = (clock.now() + dt.timedelta(seconds=30)).isoformat()
    start, end = body.index(b"<m:Timestamp>") + 13, body.index(b"</m:Timestamp>")
    body = body[:start] + ahead.encode() + body[end:]

    caller.post(PATH, body, content_type="text/xml")

    assert 25 < CimMessage.objects.get().drift_s <= 30


def test_log_as_csv_with_the_filter_of_the_page(engineer):
    client, _ = accounts.client(Role.DMS)
    exchange(client, details="=cmd()", groups=["a", "b"], result="FAILED", code="6.1")
    exchange(client)

    said = engineer.get("/api/v1/cim-messages/export?result=NOT_OK")

    (row,) = csv.DictReader(io.StringIO(b"".join(said.streaming_content).decode()))
    assert said["Content-Type"].startswith("text/csv")
    assert (row["details"], row["groups"], row["client_name"]) == (
        "'=cmd()", "a b", client.client_id,
    )  # fmt: skip


def test_one_exchange_as_a_zip_as_its_reader_may_see_it(engineer, auditor):
    caller = system(Role.DMS)
    body = soap(create_groups(group("m", "G")))
    user = b"<m:User><m:UserID>jane</m:UserID></m:User>"
    at = body.index(b"<m:MessageID>")
    caller.post(PATH, body[:at] + user + body[at:], content_type="text/xml")
    message = CimMessage.objects.get()

    def packed(persona):
        said = persona.get(f"/api/v1/cim-messages/{message.mrid}/archive")
        assert said.status_code == 200
        return zipfile.ZipFile(io.BytesIO(said.content))

    seen = packed(engineer)
    assert seen.namelist() == ["request.xml", "reply.xml", "exchange.json"]
    assert b"jane" not in seen.read("request.xml")
    assert b"jane" in packed(auditor).read("request.xml")
    known = json.loads(seen.read("exchange.json"))
    assert (known["mrid"], known["masked"]) == (message.mrid, True)
    assert engineer.get("/api/v1/cim-messages/nobody/archive").status_code == 404
