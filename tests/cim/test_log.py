"""The message log over REST: found by what integrators know, shown as it was on the wire."""

import pytest

from tests.cim.messages import create_groups, group, soap

PATH = "/61968-5/create/executeDERGroups"


@pytest.fixture
def spoken(dms_client):
    dms_client.raw(
        PATH, soap(create_groups(group("m", "G"), message_id="m-1", correlation_id="c-1"))
    )
    dms_client.raw(PATH, soap(create_groups(group("m", "G"), message_id="m-2")))
    dms_client.raw(PATH, b"<broken")
    return dms_client


def results(response):
    assert response.status_code == 200
    return response.json()["results"]


def test_lists_newest_first_without_bodies(spoken, operator):
    rows = results(operator.get("/api/v1/cim-messages"))

    assert [(r["result"], r["code"]) for r in rows] == [
        ("FAULT", "1.8"),
        ("FAILED", "6.1"),
        ("OK", "0.0"),
    ]
    ok = rows[-1]
    assert (ok["verb"], ok["noun"], ok["message_id"], ok["correlation_id"]) == (
        "create",
        "DERGroups",
        "m-1",
        "c-1",
    )
    assert ok["client"] == spoken.actor.name
    assert ok["duration_ms"] > 0
    assert ok["request_size"] > ok["reply_size"] > 100
    assert "request_xml" not in ok


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("noun=DERGroups", 2),
        ("verb=change", 0),
        ("result=FAILED", 1),
        ("message_id=m-2", 1),
        ("correlation_id=c-1", 1),
        ("q=already exists", 1),
        ("q=M-", 2),
        ("client=nobody", 0),
    ],
)
def test_searches(spoken, operator, query, found):
    assert len(results(operator.get(f"/api/v1/cim-messages?{query}"))) == found


def test_shows_one_with_its_xml(spoken, operator):
    (row,) = results(operator.get("/api/v1/cim-messages?message_id=m-1"))

    shown = operator.get(f"/api/v1/cim-messages/{row['mrid']}").json()

    assert "<CreateDERGroups" in shown["request_xml"]
    assert "<m:Result>OK</m:Result>" in shown["reply_xml"]
    assert operator.get("/api/v1/cim-messages/nothing").status_code == 404


def test_is_for_operations_only(spoken, csr, stranger, dms):
    for caller, status in ((csr, 403), (dms, 403), (stranger, 401)):
        assert caller.get("/api/v1/cim-messages").status_code == status
