"""A refused command leaves one audit record, whichever door it came through."""

import base64
import uuid

import pytest
from django.test import Client

from derms.audit.models import AuditRecord
from derms.audit.rules.record import rest_of
from tests.cim.conftest import make_devices
from tests.cim.messages import create_dispatches, create_groups, dispatch, group, schedule
from tests.cim.wss import at

DISPATCHES = "create/executeDERGroupDispatches"
CONTROL = {"action": "disconnect", "groups": ["nobody"]}


def refused():
    return list(AuditRecord.objects.filter(outcome="refused").values_list("action", flat=True))


@pytest.fixture
def limited_group(dms_client):
    """A group that does not support active power dispatch."""
    members = make_devices(2)
    body = create_groups(group("g1", "G1", members=members, on=("connectDisconnect",)))
    assert dms_client.post("create/executeDERGroups", body).result == "OK"


def test_refused_dispatch_by_cim(dms_client, limited_group):
    said = dms_client.post(
        DISPATCHES, create_dispatches(dispatch("g1", schedules=schedule(start=at(60))))
    )

    assert said.codes == ["6.1"]
    assert refused() == ["cim.create_DERGroupDispatches"]


def test_one_message_with_several_refused_dispatches(dms_client, limited_group):
    asked = [dispatch(key, schedules=schedule(start=at(60))) for key in ("g1", "g2", "g1")]
    said = dms_client.post(DISPATCHES, create_dispatches(*asked))

    record = AuditRecord.objects.get(outcome="refused")
    named = [(e["code"], e["id"]) for e in rest_of(record.payload)["after"]["asked"]["errors"]]
    assert said.codes == ["6.1", "99.1", "6.1"]
    assert named == [("6.1", "g1"), ("99.1", "g2"), ("6.1", "g1")]


def test_refused_dispatch_by_rest(limited_group, operator):
    body = {
        "group": "g1", "parameter": "activePower", "curve_style": "constantYValue",
        "interval_s": 900, "values": [1000.0],
    }  # fmt: skip
    answer = operator.post("/api/v1/dispatches", body, headers={"Idempotency-Key": "k"})

    assert answer.status_code == 409, answer.json()
    record = AuditRecord.objects.get(outcome="refused")
    after = rest_of(record.payload)["after"]
    assert record.action == "rest.dispatches.POST"
    assert after["reason"].startswith(answer.json()["code"])
    assert after["asked"] == body


@pytest.mark.django_db(transaction=True)
def test_record_outlives_the_transaction_it_was_refused_in(operator):
    refuse = {"Idempotency-Key": "k"}
    assert operator.post("/api/v1/controls", CONTROL, headers=refuse).status_code == 404

    assert refused() == ["rest.controls.POST"]


def test_nobody_finds_a_password_in_the_record(admin):
    body = {"username": "x", "password": "much too secret", "roles": ["aggregator"]}
    answer = admin.post("/api/v1/users", body)

    assert answer.status_code == 409, answer.json()
    record = AuditRecord.objects.get(outcome="refused")
    assert rest_of(record.payload)["after"]["asked"] == body | {"password": "***"}


def test_long_and_odd_bodies_are_not_kept(operator):
    for body in (CONTROL | {"reason": "x" * 20_000}, None):
        operator.post("/api/v1/controls", body)
    operator.post("/api/v1/dispatches/nothing/cancel")

    asked = [rest_of(r.payload)["after"].get("asked") for r in AuditRecord.objects.all()]
    assert "x" * 100 not in str(asked)


def test_what_the_door_refuses_is_recorded_by_the_door(dms_client):
    said = dms_client.post(DISPATCHES, create_dispatches(dispatch("")))

    assert said.result == "FAILED"
    assert refused() == ["cim.create_DERGroupDispatches"]


def test_wrong_credentials_are_recorded_once_a_minute(dms):
    name = f"nobody-{uuid.uuid4()}"
    token = base64.b64encode(f"{name}:wrong".encode()).decode()
    for _ in range(3):
        http = Client(HTTP_AUTHORIZATION=f"Basic {token}")
        assert http.post(f"/61968-5/{DISPATCHES}", b"x", "text/xml").status_code == 401

    record = AuditRecord.objects.get(outcome="refused")
    assert (record.action, record.actor_name) == ("accounts.authenticate", f"unknown ({name}?)")
