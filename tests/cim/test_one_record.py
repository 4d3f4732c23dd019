"""A refused command leaves one audit record, whichever door it came through."""

import base64
import uuid

import pytest
from django.test import Client

from derms.audit.models import AuditRecord
from tests.cim.conftest import make_devices
from tests.cim.messages import create_dispatches, create_groups, dispatch, group, schedule
from tests.cim.wss import at

DISPATCHES = "create/executeDERGroupDispatches"


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
    assert refused() == ["dispatch.create"]


def test_refused_dispatch_by_rest(limited_group, operator):
    body = {
        "group": "g1", "parameter": "activePower", "curve_style": "constantYValue",
        "interval_s": 900, "values": [1000.0],
    }  # fmt: skip
    answer = operator.post("/api/v1/dispatches", body)

    assert answer.status_code in (409, 422), answer.json()
    assert len(refused()) == 1


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
