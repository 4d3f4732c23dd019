import pytest

from derms.audit.models import AuditRecord
from derms.core import clock
from derms.devices.services import store_readings
from groups.models import DerGroup
from tests.factories import devices

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return devices.make_device()


def body(*members, **more):
    flags = {"realPowerDispatch": True}
    return {"name": "NORTH", "functions": flags, "members": [m.mrid for m in members], **more}


def test_creates_reads_and_lists_a_group(operator, member):
    made = operator.post("/api/v1/groups", body(member, version={"major": 1}))
    read = operator.get(made.headers["Location"])
    listed = operator.get("/api/v1/groups?q=nor")

    assert made.status_code == 201
    assert read.json() == made.json()
    assert read.json()["functions"]["realPowerDispatch"] is True
    assert len(read.json()["functions"]) == 9
    assert read.json()["version"]["major"] == 1
    assert [g["mrid"] for g in listed.json()["results"]] == [made.json()["mrid"]]
    assert read.headers["ETag"] == '"1"'


def test_repeated_idempotency_key_creates_once(operator, member):
    key = {"HTTP_IDEMPOTENCY_KEY": "k1"}
    first = operator.post("/api/v1/groups", body(member), **key)
    again = operator.post("/api/v1/groups", body(member), **key)

    assert again.json() == first.json()
    assert DerGroup.objects.count() == 1


def test_change_needs_the_revision_it_is_based_on(operator, member):
    path = operator.post("/api/v1/groups", body(member)).headers["Location"]

    missing = operator.patch(path, {"description": "x"})
    stale = operator.patch(path, {"description": "x"}, HTTP_IF_MATCH='"9"')
    done = operator.patch(path, {"description": "x"}, HTTP_IF_MATCH='"1"')

    assert (missing.status_code, stale.status_code, done.status_code) == (428, 412, 200)
    assert done.headers["ETag"] == '"2"'
    assert DerGroup.objects.get().description == "x"


def test_members_are_paged_and_changed(operator):
    fleet = [devices.make_device() for _ in range(5)]
    path = operator.post("/api/v1/groups", body(*fleet[:4])).headers["Location"]

    change = {"add": [fleet[4].mrid], "remove": [fleet[0].mrid]}
    changed = operator.post(f"{path}/members", change)
    first = operator.get(f"{path}/members?page_size=3").json()
    second = operator.get(first["next"]).json()

    assert changed.json()["member_count"] == 4
    assert first["total"] == 4
    assert [r["mrid"] for r in first["results"] + second["results"]] == [d.mrid for d in fleet[1:]]
    assert second["next"] is None


def test_unknown_member_is_a_conflict_that_names_it(operator):
    devices.make_owner()

    reply = operator.post("/api/v1/groups", {"name": "N", "members": ["nobody"]})

    assert reply.status_code == 409
    assert reply.json()["code"] == "unknown_device"
    assert reply.json()["params"]["id"] == "nobody"
    refused = AuditRecord.objects.get(outcome="refused")
    assert (refused.action, refused.actor_name) == ("rest.groups.POST", operator.actor.name)
    assert not DerGroup.objects.exists()


def test_delete_frees_the_name(operator, member):
    path = operator.post("/api/v1/groups", body(member)).headers["Location"]

    gone = operator.delete(path, HTTP_IF_MATCH='"1"')

    assert gone.status_code == 204
    assert operator.get(path).status_code == 404
    assert operator.post("/api/v1/groups", body(member)).status_code == 201


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "x", "functions": {"realPowerDispatch": "perhaps"}},
        {"name": "x", "members": "abc"},
        {"name": "x", "version": {"major": "one"}},
        [],
        "text",
    ],
)
def test_bad_body_is_refused_and_nothing_changes(operator, bad):
    reply = operator.post("/api/v1/groups", bad)

    assert reply.status_code == 422
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert not DerGroup.objects.exists()


@pytest.mark.parametrize("at", ["yesterday", "2026-02-30", "99999"])
def test_bad_instant_is_refused(operator, member, at):
    path = operator.post("/api/v1/groups", body(member)).headers["Location"]

    assert operator.get(f"{path}/members?at={at}").status_code == 422


def test_viewer_may_read_but_not_write(viewer, operator, stranger, member):
    path = operator.post("/api/v1/groups", body(member)).headers["Location"]

    assert viewer.get(path).status_code == 200
    assert viewer.post("/api/v1/groups", body(name="OTHER")).status_code == 403
    assert stranger.get(path).status_code == 401
    assert DerGroup.objects.count() == 1


def test_status_before_the_first_tick_is_said_to_be_missing(operator, member):
    path = operator.post("/api/v1/groups", body(member)).headers["Location"]

    assert operator.get(f"{path}/status").json()["code"] == "no_status_yet"
    assert operator.get("/api/v1/group-statuses").json() == []
    assert operator.get(f"{path}/trend").json() == []


def test_members_come_with_their_latest_values(operator, member):
    at = clock.now().replace(microsecond=0)
    store_readings(devices.make_batch([member.pk], -1500.0, at=at))
    path = operator.post("/api/v1/groups", body(member)).headers["Location"]

    row = operator.get(f"{path}/members").json()["results"][0]

    assert row["p_w"] == -1500.0
    assert clock.parse_utc(row["measured_at"]) == at
