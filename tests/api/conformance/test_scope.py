"""A client in stage sandbox sees and touches the sandbox utility alone, through every door."""

import datetime as dt
import gzip
import json

import pytest

from derms.accounts import services as accounts_services
from derms.accounts.choices import ClientStage
from derms.accounts.models import ApiClient, Organisation
from derms.accounts.permissions import PERMISSIONS, SANDBOX, has_permission
from derms.accounts.scopes import SANDBOX_MRID
from derms.accounts.selectors import actor_of_client
from derms.config.overview import _fleet_totals
from derms.core import clock
from derms.core.actors import SYSTEM, Role
from derms.devices.fleet import Fleet
from derms.devices.selectors import columns_snapshot
from dispatch.models import GroupDispatch
from groups.models import DerGroup
from groups.rules.definition import GroupData, MemberKeys
from groups.services import create_group
from tests.cim.conftest import Dms, make_devices
from tests.cim.messages import (
    BASE,
    asked,
    control,
    create_dispatches,
    create_groups,
    dispatch,
    group,
    header,
    query,
    schedule,
    soap,
)
from tests.factories import accounts
from tests.personas import system

pytestmark = pytest.mark.django_db


@pytest.fixture
def utility(db):
    return accounts.organisation()


@pytest.fixture
def live_devices(utility):
    return make_devices(2, owner=utility, prefix="live")


@pytest.fixture
def live_group(utility, live_devices):
    functions = frozenset({"connectDisconnect", "realPowerDispatch"})
    data = GroupData(
        name="LIVE", functions=functions, members=MemberKeys(mrids=tuple(live_devices))
    )
    return create_group(data=data, actor=SYSTEM)


@pytest.fixture
def devices(utility):
    return make_devices(2, owner=accounts_services.ensure_sandbox(), prefix="sandbox")


def sandboxed(*roles, kind="utility"):
    """A REST persona and CIM client in stage sandbox."""
    found = system(*(roles or (Role.DMS,)), kind=kind)
    accounts_services.set_stage(
        mrid=found.actor.mrid, stage=ClientStage.SANDBOX, reason="test", actor=SYSTEM
    )
    found.actor = actor_of_client(ApiClient.objects.get(mrid=found.actor.mrid), source="basic")
    return found


@pytest.fixture
def dms_client(utility, dms):
    return Dms(dms)


@pytest.fixture
def caller(devices):
    return sandboxed()


@pytest.fixture
def partner(caller):
    return Dms(caller)


def make_sandbox_group(partner, devices, name="MINE"):
    said = partner.post("create/executeDERGroups", create_groups(group(name=name, members=devices)))
    assert said.result == "OK", said.raw
    return DerGroup.objects.get(name=name, deleted_at=None)


def test_a_group_of_a_sandboxed_client_belongs_to_the_sandbox(partner, devices):
    made = make_sandbox_group(partner, devices)

    assert made.owner.mrid == SANDBOX_MRID
    assert made.member_count == 2


def test_cim_query_of_all_groups_gives_those_of_the_sandbox(partner, devices, live_group):
    made = make_sandbox_group(partner, devices)

    said = partner.post("get/queryDERGroups", query("DERGroupQueries", "DERGroups", asked()))

    groups = [e.findtext("{*}mRID") for e in said.root.iter("{*}EndDeviceGroup")]
    assert groups == [made.mrid]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("get/queryDERGroups", lambda g: query("DERGroupQueries", "DERGroups", asked(g))),
        (
            "get/queryDERGroupStatuses",
            lambda g: query("DERGroupStatusQueries", "DERGroupStatuses", asked(g)),
        ),
        ("change/executeDERGroups", lambda g: create_groups(group(mrid=g), verb="delete")),
        ("change/executeDERGroups", lambda g: create_groups(group(mrid=g), verb="change")),
        (
            "create/executeDERGroupDispatches",
            lambda g: create_dispatches(dispatch(g, schedules=schedule(start=soon()))),
        ),
    ],
)
def test_cim_knows_no_group_of_the_live_utility(partner, live_group, path, message):
    said = partner.post(path, message(live_group.mrid))

    assert (said.result, said.codes) == ("FAILED", ["99.1"])
    assert DerGroup.objects.get(pk=live_group.pk).revision == live_group.revision
    assert not GroupDispatch.objects.exists()


def soon():
    return (clock.now() + dt.timedelta(seconds=5)).isoformat()


@pytest.mark.parametrize("by_name", [False, True])
def test_cim_control_reaches_no_device_of_the_live_utility(partner, live_devices, by_name):
    name = f"live {live_devices[0].removeprefix('live-')}"
    key = f"<Names><name>{name}</name></Names>" if by_name else f"<mRID>{live_devices[0]}</mRID>"
    content = control(after="").replace(
        '<EndDeviceControlType ref="2.31.0.23"/>',
        f'<EndDeviceControlType ref="2.31.0.23"/><EndDevices>{key}</EndDevices>',
    )
    message = (
        f'<CreateEndDeviceControls xmlns="{BASE}EndDeviceControlsMessage">'
        f"{header('create', 'EndDeviceControls')}<Payload><EndDeviceControls "
        f'xmlns="http://iec.ch/TC57/2011/EndDeviceControls#">{content}</EndDeviceControls>'
        "</Payload></CreateEndDeviceControls>"
    )

    body = partner.raw("/61968-9/create/executeEndDeviceControls", soap(message))

    assert b"EndDevice does not exist" in body.content


def test_members_of_the_other_side_are_unknown(partner, live_devices, devices, dms_client):
    there = partner.post(
        "create/executeDERGroups", create_groups(group(name="X", members=live_devices))
    )
    here = dms_client.post(
        "create/executeDERGroups", create_groups(group(name="Y", members=devices))
    )

    assert there.codes == here.codes == ["6.1"]
    assert "Unknown end device" in there.errors[0]["details"]
    assert "Unknown end device" in here.errors[0]["details"]


def test_a_live_dms_does_not_hear_of_the_sandbox(partner, devices, live_group, dms_client):
    made = make_sandbox_group(partner, devices)

    said = dms_client.post("get/queryDERGroups", query("DERGroupQueries", "DERGroups", asked()))
    one = dms_client.post(
        "get/queryDERGroups", query("DERGroupQueries", "DERGroups", asked(made.mrid))
    )

    groups = [e.findtext("{*}mRID") for e in said.root.iter("{*}EndDeviceGroup")]
    assert groups == [live_group.mrid]
    assert one.codes == ["99.1"]


def test_rest_shows_the_sandbox_alone(caller, partner, devices, live_devices, live_group):
    make_sandbox_group(partner, devices)

    groups = caller.get("/api/v1/groups").json()["results"]
    listed = caller.get("/api/v1/devices").json()["results"]

    assert [g["name"] for g in groups] == ["MINE"]
    assert sorted(d["mrid"] for d in listed) == sorted(devices)
    for path in (
        f"groups/{live_group.mrid}", f"groups/{live_group.mrid}/members",
        f"groups/{live_group.mrid}/status", f"groups/{live_group.mrid}/forecast",
        f"devices/{live_devices[0]}", f"devices/{live_devices[0]}/readings",
        f"devices/{live_devices[0]}/latest",
    ):  # fmt: skip
        assert caller.get(f"/api/v1/{path}").status_code == 404, path


def test_rest_refuses_to_touch_the_live_utility(caller, live_group):
    body = {
        "group": {"mrid": live_group.mrid}, "parameter": "activePower", "interval_s": 900,
        "values": [1000.0],
    }  # fmt: skip

    answer = caller.post("/api/v1/dispatches", body)
    deleted = caller.delete(f"/api/v1/groups/{live_group.mrid}", headers={"If-Match": '"1"'})

    assert answer.status_code in (404, 422), answer.content
    assert deleted.status_code == 404
    assert not GroupDispatch.objects.exists()


@pytest.mark.parametrize("path", ["feeders", "overview", "alarms", "cim-messages"])
def test_what_has_no_scope_is_closed_to_the_sandbox(caller, path):
    assert caller.get(f"/api/v1/{path}").status_code == 403


def test_permissions_of_the_sandbox_exist_and_are_few(caller):
    assert set(PERMISSIONS) >= SANDBOX
    held = {name for name in PERMISSIONS if has_permission(caller.actor, name)}
    assert {name for name in held if name.count(".") == 1} <= SANDBOX
    assert "cim.DERGroups.create" in held


def test_a_sandboxed_aggregator_does_not_see_its_own_live_devices(devices):
    caller = sandboxed(Role.AGGREGATOR, kind="aggregator")
    own = Organisation.objects.get(kind="aggregator")
    make_devices(1, owner=own, prefix="own")

    listed = caller.get("/api/v1/devices").json()["results"]

    assert sorted(d["mrid"] for d in listed) == sorted(devices)


def test_people_list_the_sandbox_by_its_owner_alone(
    operator, partner, devices, live_group, live_devices
):
    made = make_sandbox_group(partner, devices)

    groups = operator.get("/api/v1/groups").json()["results"]
    by_owner = operator.get("/api/v1/groups?owner=Sandbox utility").json()["results"]
    listed = operator.get("/api/v1/devices").json()["results"]
    sandbox = operator.get("/api/v1/devices?owner=Sandbox utility").json()["results"]

    assert [g["name"] for g in groups] == ["LIVE"]
    assert [g["name"] for g in by_owner] == ["MINE"]
    assert sorted(d["mrid"] for d in listed) == sorted(live_devices)
    assert sorted(d["mrid"] for d in sandbox) == sorted(devices)
    assert operator.get(f"/api/v1/groups/{made.mrid}").status_code == 200


def test_columns_of_the_fleet_leave_the_sandbox_out(devices, live_devices):
    shown = json.loads(gzip.decompress(columns_snapshot().body))
    own = json.loads(gzip.decompress(columns_snapshot(visible={SANDBOX_MRID}).body))

    assert sorted(shown["columns"]["mrid"]) == sorted(live_devices)
    assert sorted(own["columns"]["mrid"]) == sorted(devices)


def test_the_overview_does_not_count_the_sandbox(devices, live_devices):
    fleet = Fleet()
    fleet.refresh()

    totals = _fleet_totals(fleet)

    assert len(fleet) == 4
    assert totals["devices"]["total"] == 2
    assert totals["installed_max_w"] == pytest.approx(20_000)
