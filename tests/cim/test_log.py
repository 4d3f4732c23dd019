"""The message log over REST: found by what integrators know, shown as it was on the wire."""

import base64
import datetime as dt
import gzip

import pytest

from derms.cim import personal, services
from derms.cim.models import CimMessage
from derms.core import clock, valkey
from derms.live.services import _group_prefix, group_name
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
        ("q=ALREADY Ex", 1),
        ("q=m-", 2),
        ("q=c-", 1),
        ("q=m_", 0),
        ("q=%25", 0),
        ("q=\\", 0),
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


def test_what_a_message_changed_is_kept_and_found_by_group(dms_client, operator):
    dms_client.raw(PATH, soap(create_groups(group("", "Named"), message_id="m-9")))

    (row,) = results(operator.get("/api/v1/cim-messages?group=Named"))
    shown = operator.get(f"/api/v1/cim-messages/{row['mrid']}").json()

    assert [(c["action"], c["object_type"]) for c in shown["changed"]] == [
        ("group.create", "DERGroup")
    ]
    assigned = shown["changed"][0]["mrid"]
    assert shown["groups"] == ["Named", assigned]
    assert len(results(operator.get(f"/api/v1/cim-messages?group={assigned}"))) == 1
    assert shown["proofs"] == "password"


def test_what_was_rolled_back_is_not_among_the_changes(dms_client, operator):
    message = create_groups(group("a", "A"), group("a", "B"), group("c", "C"))
    dms_client.raw(PATH, soap(message))

    (row,) = results(operator.get("/api/v1/cim-messages"))
    shown = operator.get(f"/api/v1/cim-messages/{row['mrid']}").json()

    assert [change["mrid"] for change in shown["changed"]] == ["a", "c"]
    assert shown["groups"] == ["a", "A", "B", "c", "C"]


def test_searches_by_time(spoken, operator):
    row = results(operator.get("/api/v1/cim-messages"))[1]
    at = row["received_at"].replace("+", "%2B")

    assert len(results(operator.get(f"/api/v1/cim-messages?start_at={at}"))) == 2
    assert len(results(operator.get(f"/api/v1/cim-messages?end_at={at}"))) == 1
    assert operator.get("/api/v1/cim-messages?start_at=soon").status_code == 422


def test_pages_follow_each_other(spoken, operator):
    first = operator.get("/api/v1/cim-messages?page_size=2").json()
    second = operator.get(first["next"]).json()

    mrids = [row["mrid"] for page in (first, second) for row in page["results"]]
    assert len(set(mrids)) == 3
    assert second["next"] is None


def test_conversation(spoken, operator):
    spoken.raw(PATH, soap(create_groups(group("m2", "G2"), correlation_id="m-2")))
    (row,) = results(operator.get("/api/v1/cim-messages?message_id=m-2"))

    thread = operator.get(f"/api/v1/cim-messages/{row['mrid']}/thread").json()

    assert [one["correlation_id"] for one in thread] == ["", "m-2"]
    assert operator.get("/api/v1/cim-messages/nothing/thread").status_code == 404


def test_counters(spoken, operator, csr):
    (found,) = operator.get("/api/v1/cim-counters").json()

    assert (found["client"], found["direction"]) == (spoken.actor.name, "in")
    assert (found["messages"], found["failed"]) == (3, 2)
    assert 0 < found["median_ms"] <= found["p95_ms"]
    assert operator.get("/api/v1/cim-counters?hours=-1").status_code == 422
    assert csr.get("/api/v1/cim-counters").status_code == 403


def test_validation_of_what_is_shown(spoken, operator):
    rows = results(operator.get("/api/v1/cim-messages"))
    shown = [operator.get(f"/api/v1/cim-messages/{row['mrid']}").json() for row in rows]

    assert "cannot be read" in shown[0]["request_fault"]
    assert [one["reply_fault"] for one in shown] == ["", "", ""]
    assert shown[2]["request_fault"] == ""


USER = "<m:User><m:UserID>j.doe</m:UserID><m:Organization>Org</m:Organization></m:User>"


def test_personal_data_are_hidden_from_who_may_not_see_them(dms_client, operator, auditor):
    sent = soap(create_groups(group("m", "G"), message_id="m-1"))
    dms_client.raw(PATH, sent.replace(b"<m:MessageID>", USER.encode() + b"<m:MessageID>"))
    dms_client.raw(PATH, b"<broken j.doe")
    broken, whole = results(operator.get("/api/v1/cim-messages"))

    for caller, sees in ((operator, False), (auditor, True)):
        one = caller.get(f"/api/v1/cim-messages/{whole['mrid']}").json()
        other = caller.get(f"/api/v1/cim-messages/{broken['mrid']}").json()
        assert ("j.doe" in one["request_xml"]) is sees
        assert ("j.doe" in other["request_xml"]) is sees
        assert one["masked"] is not sees
        assert "<m:Organization>Org<" in one["request_xml"]
        assert "<mRID>m</mRID>" in one["request_xml"]


PACKED = base64.b64encode(gzip.compress(b"<x><userID>j.doe</userID></x>")).decode()
HIDING_PLACES = {
    "in a child": "<userID><b>j.doe</b></userID>",
    "behind a child": "<userID><b/>j.doe</userID>",
    "in CDATA": "<userID><![CDATA[j.doe]]></userID>",
    "by character reference": "<userID>&#106;.doe</userID>",
    "in an attribute": "<userID is='j.doe'/>",
    "deep in an address": "<mainAddress><a><b/>j.doe</a></mainAddress>",
    "behind a comment": "<userID><!-- -->j.doe</userID>",
    "in a comment": "<userID>x</userID><!-- j.doe -->",
    "in an instruction": "<userID>x</userID><?a j.doe?>",
    "in another namespace": "<x:userID xmlns:x='urn:x'>j.doe</x:userID>",
    "without a namespace": "<userID xmlns=''>j.doe</userID>",
    "compressed": f"<Compressed>{PACKED}</Compressed>",
}


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_personal_data_are_hidden_wherever_they_stand(place):
    text = f"<a xmlns='urn:a'><kept>j.d.</kept>{HIDING_PLACES[place]}<kept>d.j.</kept></a>"

    shown = personal.masked(text)

    assert "j.doe" not in shown
    assert "&#106;" not in shown
    assert PACKED not in shown
    assert shown.count("kept>j.d.<") == shown.count("kept>d.j.<") == 1


def test_retention_drops_old_exchanges_in_batches(spoken):
    assert services.forget_messages(older_than=dt.timedelta(days=1)) == 0
    CimMessage.objects.exclude(message_id="m-2").update(
        received_at=clock.now() - dt.timedelta(days=2)
    )

    assert services.forget_messages(older_than=dt.timedelta(days=1), batch=1) == 2
    assert CimMessage.objects.get().message_id == "m-2"


def test_browsers_hear_of_each_exchange(dms_client, operator, django_capture_on_commit_callbacks):
    listener = valkey.client().pubsub()
    listener.subscribe(_group_prefix() + group_name("cim"))
    listener.get_message(timeout=1)
    with django_capture_on_commit_callbacks(execute=True):
        dms_client.raw(PATH, soap(create_groups(group("m", "G"), message_id="live-1")))

    told = listener.get_message(timeout=2)

    assert b"live-1" in told["data"]
    assert b"request_xml" not in told["data"]
    listener.close()
