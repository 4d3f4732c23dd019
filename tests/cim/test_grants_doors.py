"""What a client is granted, by REST; single devices, the sandbox's and other parties' groups."""

import datetime as dt
import json

import pytest

from derms.accounts.models import Organisation
from derms.accounts.services import ensure_sandbox
from derms.core import clock
from dispatch.models import EndDeviceControl
from groups.models import DerGroup
from tests.cim.conftest import Dms, make_devices
from tests.cim.granting import CASES, MINE, NEW, OTHER, grant, grants_for, refusals, two_groups
from tests.cim.messages import (
    control,
    create_controls,
    create_dispatches,
    dispatch,
    group,
    groups_content,
    request,
    schedule,
    timing,
)
from tests.cim.test_attacks import all_rows_hash


@pytest.fixture
def utility(dms_client):
    return two_groups(dms_client)


REST = {
    ("DERGroups", "get"): ("GET", "groups/{}", None),
    ("DERGroups", "create"): ("POST", "groups", {"mrid": "{}-new", "name": "New"}),
    ("DERGroups", "change"): ("PATCH", "groups/{}", {"description": "changed"}),
    ("DERGroups", "delete"): ("DELETE", "groups/{}", None),
    ("DERGroupStatuses", "get"): ("GET", "groups/{}/trend", None),
    ("DERGroupForecasts", "get"): ("GET", "groups/{}/forecast", None),
    ("MeterReadings", "get"): ("GET", "groups/{}/usage", None),
    ("DERGroupDispatches", "create"): (
        "POST", "dispatches",
        {"group": "{}", "parameter": "activePower", "interval_s": 900, "values": [1000.0]},
    ),
    ("DERGroupDispatches", "get"): ("GET", "dispatches/d-{}", None),
    ("DERGroupDispatches", "cancel"): ("POST", "dispatches/d-{}/cancel", {"reason": "test"}),
    ("EndDeviceControls", "create"): (
        "POST", "controls", {"action": "disconnect", "groups": ["{}"], "reason": "test"},
    ),
    ("EndDeviceControls", "get"): ("GET", "controls/c-{}", None),
    ("EndDeviceControls", "cancel"): ("POST", "controls/c-{}/cancel", {"reason": "test"}),
}  # fmt: skip


def by_rest(who, noun, verb, mrid):
    method, path, body = REST[noun, verb]
    body = body and json.loads(json.dumps(body).replace("{}", mrid))
    ask = getattr(who.persona, method.lower())
    return ask(f"/api/v1/{path.format(mrid)}", body, HTTP_IF_MATCH="*")


@pytest.fixture
def commanded(other_client, utility):
    """A dispatch and a control of each group that wait for their time, by another client."""
    later = (clock.now() + dt.timedelta(hours=2)).replace(microsecond=0).isoformat()
    for mrid in (MINE, OTHER):
        curve = schedule(start=later)
        asked_for = create_dispatches(dispatch(mrid, mrid=f"d-{mrid}", schedules=curve))
        said = other_client.post("create/executeDERGroupDispatches", asked_for)
        assert said.result == "OK", said.errors
        asked_for = create_controls(
            control(groups=[mrid], mrid=f"c-{mrid}", timing=timing(start=later))
        )
        said = other_client.post("create/executeEndDeviceControls", asked_for)
        assert said.result == "OK", said.errors


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("noun", "verb"), REST)
def test_by_rest(dms_client, commanded, noun, verb, case):
    grant(dms_client, grants_for(case, noun, verb, [MINE, f"{MINE}-{NEW}"]))
    before = all_rows_hash()

    answer = by_rest(dms_client, noun, verb, MINE)

    if case == "granted":
        assert answer.status_code in (200, 201, 202, 204), answer.content
        return
    assert answer.status_code == 403, answer.content
    assert refusals().count() == (0 if verb == "get" else 1)
    assert all_rows_hash() == before


def test_lists_of_rest_leave_groups_out(dms_client, utility):
    grant(dms_client, (["DERGroups"], ["get"], [MINE]))

    (row,) = dms_client.persona.get("/api/v1/groups").json()["results"]

    assert (row["mrid"], row["status"]) == (MINE, None)
    assert dms_client.persona.get("/api/v1/group-statuses").json() == []
    assert dms_client.persona.get("/api/v1/devices").status_code == 403
    assert dms_client.persona.get("/api/v1/feeders").status_code == 403


def test_lists_of_dispatches_and_controls_leave_groups_out(dms_client, commanded):
    grant(dms_client, (["DERGroupDispatches", "EndDeviceControls"], ["get"], [MINE]))

    for path, mrid in (("dispatches", f"d-{MINE}"), ("controls", f"c-{MINE}")):
        rows = dms_client.persona.get(f"/api/v1/{path}").json()["results"]
        assert [row["mrid"] for row in rows] == [mrid]


def switch(who, *devices):
    return who.post("create/executeEndDeviceControls", create_controls(control(devices=devices)))


def test_only_devices_of_its_groups_are_switched(dms_client, utility):
    grant(dms_client, (["EndDeviceControls"], ["create"], [MINE]))

    assert switch(dms_client, *utility[:2]).codes == ["0.0"]
    before = all_rows_hash()
    said = switch(dms_client, utility[0], utility[3])

    assert said.codes == ["7.5"]
    assert (said.errors[0]["id"], said.errors[0]["type"]) == (utility[3], "EndDevice")
    assert refusals().count() == 1
    assert all_rows_hash() == before


def test_devices_of_the_sandbox_are_not_switched_by_who_is_live(dms_client, utility):
    (toy,) = make_devices(1, owner=ensure_sandbox(), prefix="toy")
    before = all_rows_hash()

    said = switch(dms_client, toy)

    assert said.codes == ["7.5"]
    assert (said.errors[0]["id"], said.errors[0]["type"]) == (toy, "EndDevice")
    assert (refusals().count(), all_rows_hash()) == (1, before)


@pytest.mark.parametrize("door", ["soap", "rest", "person"])
def test_groups_of_other_parties_are_not_switched(dms_client, aggregator, operator, door):
    party = Dms(aggregator)
    devices = make_devices(2, owner=Organisation.objects.get(mrid=party.actor.organisation_mrid))
    content = groups_content(group("p9", "P9", devices, on=("connectDisconnect",)))
    party.post(
        "create/receiveDERGroups", request("CreatedDERGroups", "DERGroups", "created", content)
    )
    assert DerGroup.objects.get(mrid="p9").member_count == 2

    if door == "soap":
        said = dms_client.post(
            "create/executeEndDeviceControls", create_controls(control(groups=["p9"]))
        )
        assert (said.codes, said.errors[0]["id"]) == (["7.5"], "p9")
    else:
        caller = operator if door == "person" else dms_client.persona
        body = {"action": "disconnect", "groups": ["p9"], "reason": "test"}
        answer = caller.post("/api/v1/controls", body)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_own_group")
    assert refusals().count() == 1
    assert not EndDeviceControl.objects.exists()
