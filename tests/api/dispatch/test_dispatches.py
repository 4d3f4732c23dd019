import datetime as dt

import pytest

from derms.core import clock
from derms.devices.fleet import get_fleet
from dispatch import services
from dispatch.models import GroupDispatch
from dispatch.services import tick
from tests.factories.dispatch import Utility

pytestmark = pytest.mark.django_db
PATH = "/api/v1/dispatches"


@pytest.fixture(autouse=True)
def quick_devices(settings):
    settings.DISPATCH_RESPONSE_S = 0.0
    tick._tracks.clear()
    tick._members.clear()
    get_fleet.cache_clear()


@pytest.fixture
def utility():
    return Utility(6)


def body(utility, *values, **more):
    return {"group": utility.group.mrid, "interval_s": 900, "values": values or (30_000.0,), **more}


def test_creates_follows_and_cancels_a_dispatch(operator, utility):
    made = operator.post(PATH, body(utility, name="evening"))
    path = made.headers["Location"]
    services.run_tick()
    utility.step()
    services.run_tick()

    read = operator.get(path).json()
    members = operator.get(f"{path}/members?page_size=4").json()
    rest = operator.get(members["next"]).json()
    samples = operator.get(f"{path}/samples").json()
    events = operator.get(f"{path}/events").json()
    cancelled = operator.post(f"{path}/cancel", {"reason": "done"})

    assert (made.status_code, made.json()["state"]) == (202, "scheduled")
    assert (read["state"], read["tracking"], read["measured_now"]) == ("active", "tracking", 30_000)
    assert read["requested_by"] == operator.actor.name
    assert [m["set_point"] for m in members["results"]] == pytest.approx([5000.0] * 4)
    assert {m["state"] for m in rest["results"]} == {"delivering"}
    assert rest["next"] is None
    assert [s["measured"] for s in samples] == [0, 30_000]
    assert [e["kind"] for e in events][:3] == ["accepted", "active", "planned"]
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert operator.post(f"{path}/cancel", {}).status_code == 409


def test_previews_what_would_happen_and_does_nothing(operator, utility):
    got = operator.post(f"{PATH}/preview", body(utility, 30_000.0, -30_000.0)).json()

    assert (got["verdict"], got["reasons"]) == ("accepted", [])
    assert [i["deliverable"] for i in got["intervals"]] == [30_000, -30_000]
    assert got["members"] == {"total": 6, "available": 6, "excluded": 0, "stale": 0}
    assert sum(row["share_w"] for row in got["disaggregation"]) == pytest.approx(30_000)
    first = got["disaggregation"][0]
    assert (first["kind"], first["now_w"], first["soc_pct"]) == ("battery", 0, 50)
    assert not GroupDispatch.objects.exists()


def test_preview_says_partial_refused_and_overlaps(operator, utility):
    partial = operator.post(f"{PATH}/preview", body(utility, 55_000.0, interval_s=7200)).json()
    refused = operator.post(f"{PATH}/preview", body(utility, 5e9)).json()
    operator.post(PATH, body(utility, priority=2, name="first"))
    loses = operator.post(f"{PATH}/preview", body(utility, priority=4)).json()
    wins = operator.post(f"{PATH}/preview", body(utility, priority=1)).json()

    assert (partial["verdict"], partial["reasons"][0]["code"]) == ("partial", "partial")
    assert (refused["verdict"], refused["reasons"][0]["code"]) == ("refused", "beyond_installed")
    assert (loses["verdict"], loses["overlaps"][0]["outcome"]) == ("refused", "loses")
    assert wins["overlaps"][0]["outcome"] == "supersedes"


def test_repeated_idempotency_key_dispatches_once(operator, utility):
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}

    first = operator.post(PATH, body(utility), **key)
    again = operator.post(PATH, body(utility), **key)

    assert first.json() == again.json()
    assert GroupDispatch.objects.count() == 1


def test_lists_with_filters_the_newest_first(operator, utility):
    soon = (clock.now() + dt.timedelta(hours=3)).isoformat()
    one = operator.post(PATH, body(utility)).json()["mrid"]
    two = operator.post(PATH, body(utility, start_at=soon)).json()["mrid"]
    operator.post(f"{PATH}/{one}/cancel", {})

    def listed(query=""):
        return [d["mrid"] for d in operator.get(f"{PATH}?{query}").json()["results"]]

    assert listed() == [two, one]
    assert listed("open=true") == [two]
    assert listed("state=cancelled,completed") == [one]
    assert listed("group=nobody") == []
    assert listed("page_size=1") == [two]
    assert operator.get(f"{PATH}?state=nonsense").status_code == 422


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"group": "nobody"}, 404, "unknown_group"),
        ({"values": []}, 422, "invalid_input"),
        ({"values": ["x"]}, 422, "invalid_input"),
        ({"interval_s": 0}, 422, "bad_schedule"),
        ({"interval_s": None}, 422, "invalid_input"),
        ({"priority": 9}, 422, "invalid_input"),
        ({"parameter": "happiness"}, 422, "invalid_input"),
        ({"parameter": "voltage"}, 409, "parameter_not_supported"),
        ({"values": [1e9]}, 409, "beyond_installed"),
        ({"start_at": "2001-01-01T00:00:00Z"}, 409, "window_past"),
    ],
)
def test_refuses_and_changes_nothing(operator, utility, change, status, code):
    got = operator.post(PATH, body(utility) | change)

    assert (got.status_code, got.json()["code"]) == (status, code)
    assert not GroupDispatch.objects.exists()


def test_refuses_numbers_that_are_none(operator, utility):
    text = f'{{"group": "{utility.group.mrid}", "interval_s": 900, "values": [NaN]}}'

    got = operator.post(PATH, text, content_type="application/json")

    assert got.status_code == 400
    assert not GroupDispatch.objects.exists()


def test_authorisation_matrix(request, utility, operator):
    path = operator.post(PATH, body(utility)).headers["Location"]
    expected = {
        "stranger": (401, 401, 401),
        "viewer": (200, 403, 403),
        "engineer": (200, 403, 403),
        "auditor": (200, 403, 403),
        "csr": (403, 403, 403),
        "dms": (200, 202, 200),
        "aggregator": (404, 403, 403),
    }

    for name, (read, create, cancel) in expected.items():
        caller = request.getfixturevalue(name)
        assert caller.get(path).status_code == read, name
        made = caller.post(PATH, body(utility))
        assert made.status_code == create, name
        target = made.headers.get("Location", path)
        assert caller.post(f"{target}/cancel", {}).status_code == cancel, name


def test_commands_of_a_device_lead_to_what_they_were_sent_for(
    operator, viewer, aggregator, utility
):
    made = operator.post(PATH, body(utility, name="evening")).json()
    services.run_tick()
    control = operator.post(
        "/api/v1/controls", {"action": "disconnect", "groups": [utility.group.mrid]}
    ).json()
    services.run_controls()

    told = operator.get(f"/api/v1/devices/{utility.devices[0].mrid}/commands").json()["results"]
    origins = {"origin": ",".join({command["origin"] for command in told})}
    dispatches = viewer.get(PATH, origins).json()["results"]
    controls = viewer.get("/api/v1/controls", origins).json()["results"]

    assert len(origins["origin"].split(",")) == 2
    assert [row["mrid"] for row in dispatches] == [made["mrid"]]
    assert [row["mrid"] for row in controls] == [control["mrid"]]
    assert {made["journal_key"], control["journal_key"]} == set(origins["origin"].split(","))
    assert aggregator.get(PATH, origins).json()["results"] == []
    assert viewer.get(PATH, {"origin": "x"}).status_code == 422
