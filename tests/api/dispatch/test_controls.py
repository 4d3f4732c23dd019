import pytest

from dispatch.models import EndDeviceControl
from groups.choices import DerFunction
from tests.factories.controls import answer, run
from tests.factories.dispatch import Utility

pytestmark = pytest.mark.django_db
PATH = "/api/v1/controls"


@pytest.fixture
def utility():
    return Utility(5)


@pytest.fixture
def strict(settings):
    """Every control waits for a second person."""
    settings.CONTROL_RELEASE_DEVICES = 0


def body(utility, **more):
    return {"action": "disconnect", "groups": [utility.group.mrid], "reason": "work"} | more


def release(caller, made, *, revision=None):
    tag = f'"{made["revision"] if revision is None else revision}"'
    return caller.post(f"{PATH}/{made['mrid']}/release", HTTP_IF_MATCH=tag)


def test_disconnects_and_follows_every_device(operator, utility):
    made = operator.post(PATH, body(utility))
    path = made.headers["Location"]
    row = EndDeviceControl.objects.get()
    run(row)
    answer(row, 8, devices=utility.devices[:2], detail="local control")
    answer(row)
    run(row)

    read = operator.get(path)
    devices = operator.get(f"{path}/devices?page_size=3").json()
    failed = operator.get(f"{path}/devices?outcome=failed").json()["results"]

    assert (made.status_code, made.json()["state"]) == (202, "scheduled")
    assert (made.json()["devices"], made.json()["rated_w"]) == (5, 50_000)
    got = read.json()
    assert (got["state"], got["done"], got["failed"]) == ("partly_failed", 3, 2)
    assert (got["requested_by"], got["reason"]) == (operator.actor.name, "work")
    assert read.headers["ETag"] == f'"{got["revision"]}"'
    assert len(devices["results"]) == 3
    assert devices["next"]
    assert [(d["outcome"], d["detail"]) for d in failed] == [("failed", "local control")] * 2


def test_preview_says_what_is_touched_and_does_nothing(operator, utility, settings):
    settings.CONTROL_RELEASE_MW = 0.04
    named = [d.mrid for d in utility.devices[:2]]

    whole = operator.post(f"{PATH}/preview", body(utility)).json()
    some = operator.post(f"{PATH}/preview", body(utility, groups=[], devices=named)).json()
    refused = operator.post(f"{PATH}/preview", body(utility, groups=["nobody"])).json()

    assert (whole["devices"], whole["rated_w"], whole["needs_release"]) == (5, 50_000, True)
    assert (whole["limit_w"], whole["limit_devices"]) == (40_000, 500)
    assert (some["devices"], some["needs_release"]) == (2, False)
    assert (refused["devices"], refused["refused_code"]) == (0, "unknown_group")
    assert not EndDeviceControl.objects.exists()


def test_second_person_releases(operator, approver, utility, strict):
    made = operator.post(PATH, body(utility)).json()

    early = approver.post(f"{PATH}/{made['mrid']}/release")
    wrong = release(approver, made, revision=7)
    done = release(approver, made)
    again = release(approver, done.json())

    assert made["state"] == "awaiting_release"
    assert (early.status_code, wrong.status_code) == (428, 412)
    assert (done.status_code, done.json()["state"]) == (200, "scheduled")
    assert done.json()["decided_by"] == approver.actor.name
    assert (again.status_code, again.json()["code"]) == (409, "control_decided")


def test_own_request_is_not_released_and_others_may_not_at_all(
    operator, approver, dms, utility, strict
):
    own = approver.post(PATH, body(utility)).json()
    got = release(approver, own)

    assert (got.status_code, got.json()["code"]) == (403, "own_request")
    assert release(operator, own).status_code == 403
    assert release(dms, own).status_code == 403
    assert operator.get(f"{PATH}/{own['mrid']}").json()["state"] == "awaiting_release"


def test_second_person_rejects_with_a_reason(operator, approver, utility, strict):
    made = operator.post(PATH, body(utility)).json()
    tag = f'"{made["revision"]}"'

    got = approver.post(f"{PATH}/{made['mrid']}/reject", {"reason": "storm"}, HTTP_IF_MATCH=tag)

    assert (got.status_code, got.json()["state"]) == (200, "rejected")
    assert "storm" in got.json()["state_reason"]


def test_cancels_what_has_not_started(operator, utility, strict):
    made = operator.post(PATH, body(utility)).json()

    got = operator.post(f"{PATH}/{made['mrid']}/cancel", {"reason": "not needed"})

    assert (got.status_code, got.json()["state"]) == (200, "cancelled")
    assert operator.post(f"{PATH}/{made['mrid']}/cancel", {}).status_code == 409


def test_repeated_idempotency_key_controls_once(operator, utility):
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}

    first = operator.post(PATH, body(utility), **key)
    again = operator.post(PATH, body(utility), **key)

    assert first.json() == again.json()
    assert EndDeviceControl.objects.count() == 1


def test_lists_with_filters_the_newest_first(operator, utility):
    one = operator.post(PATH, body(utility)).json()["mrid"]
    device = utility.devices[0].mrid
    two = operator.post(PATH, body(utility, groups=[], devices=[device], action="connect")).json()[
        "mrid"
    ]
    operator.post(f"{PATH}/{one}/cancel", {})

    def listed(query=""):
        return [c["mrid"] for c in operator.get(f"{PATH}?{query}").json()["results"]]

    assert listed() == [two, one]
    assert listed("open=true") == [two]
    assert listed("state=cancelled") == [one]
    assert listed("action=connect") == [two]
    assert listed(f"group={utility.group.mrid}") == [one]
    assert listed(f"device={device}") == [two, one]
    assert listed(f"device={utility.devices[1].mrid}") == [one]
    assert operator.get(f"{PATH}?state=nonsense").status_code == 422
    assert operator.get(f"{PATH}?action=nonsense").status_code == 422


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"groups": ["nobody"]}, 404, "unknown_group"),
        ({"groups": []}, 422, "no_target"),
        ({"groups": [], "devices": ["nobody"]}, 409, "unknown_device"),
        ({"action": "explode"}, 422, "invalid_input"),
        ({"duration_s": -1}, 422, "bad_duration"),
        ({"start_at": "2001-01-01T00:00:00Z", "duration_s": 60}, 409, "window_past"),
    ],
)
def test_refuses_and_changes_nothing(operator, utility, change, status, code):
    got = operator.post(PATH, body(utility) | change)

    assert (got.status_code, got.json()["code"]) == (status, code)
    assert not EndDeviceControl.objects.exists()


def test_group_without_the_function_is_refused(operator):
    utility = Utility(2, functions={DerFunction.REAL_POWER_DISPATCH})

    got = operator.post(PATH, body(utility))

    assert (got.status_code, got.json()["code"]) == (409, "function_missing")
    assert "connectDisconnect" in got.json()["detail"]


def test_authorisation_matrix(request, utility, operator):
    path = operator.post(PATH, body(utility)).headers["Location"]
    expected = {
        "stranger": (401, 401, 401),
        "viewer": (200, 403, 403),
        "engineer": (200, 403, 403),
        "auditor": (200, 403, 403),
        "csr": (403, 403, 403),
        "aggregator": (403, 403, 403),
        "dms": (200, 202, 403),
        "approver": (200, 202, 428),
    }

    seen = {}
    for name in expected:
        caller = request.getfixturevalue(name)
        seen[name] = (
            caller.get(path).status_code,
            caller.post(PATH, body(utility)).status_code,
            caller.post(f"{path}/release").status_code,
        )

    assert seen == expected
