"""Receive* services: what other parties tell of their groups, and that nothing else changes."""

import datetime as dt

import pytest

from derms.accounts.models import Organisation
from derms.audit.models import AuditRecord
from derms.core import clock
from derms.core.actors import Role
from derms.devices.fleet import Fleet
from groups.models import DerGroup, ToldStatus
from groups.selectors import member_ids
from groups.services.statuses import StatusKeeper
from tests.cim.conftest import Dms, make_devices
from tests.cim.messages import (
    asked,
    create_dispatches,
    create_groups,
    dispatch,
    group,
    groups_content,
    operation,
    operation_set,
    query,
    request,
    schedule,
    statuses,
)
from tests.cim.test_attacks import all_rows_hash
from tests.cim.test_dispatches import report, soon
from tests.personas import system

CREATED = "create/receiveDERGroups"
CHANGED = "change/receiveDERGroups"
SET = "change/receiveDERGroupsOperationSet"
STATUSES = "change/receiveDERGroupStatuses"


@pytest.fixture
def party(aggregator):
    """A DERMS of another party."""
    return Dms(aggregator)


@pytest.fixture
def rival(db):
    """A DERMS of a third party."""
    rival = system(Role.AGGREGATOR, kind="supplier")
    return Dms(rival)


def tell(who, verb, *items, **ids):
    name = f"{verb.capitalize()}DERGroups"
    path = CREATED if verb == "created" else CHANGED
    return who.post(path, request(name, "DERGroups", verb, groups_content(*items), **ids))


def tell_status(who, mrid="p1", at=None, **more):
    return who.post(STATUSES, statuses(mrid, at=at or clock.now().isoformat(), **more))


@pytest.fixture
def p1(party):
    """A group of the party with two devices we do not know."""
    said = tell(party, "created", group("p1", "P1", ["x1", "x2"]))
    assert said.result == "OK"
    return DerGroup.objects.get(mrid="p1")


def members_told(dms_client, mrid="p1"):
    said = dms_client.post("get/queryDERGroups", query("DERGroupQueries", "DERGroups", asked(mrid)))
    return [e.findtext("{*}mRID") for e in said.root.iter("{*}EndDevices")]


def test_created_group_belongs_to_the_party(dms_client, party, p1):
    assert p1.owner.mrid == party.actor.organisation_mrid
    assert (p1.announced_by, p1.member_count) == (party.actor.mrid, 0)
    assert members_told(dms_client) == ["x1", "x2"]
    record = AuditRecord.objects.get(action="group.announce")
    assert record.object_mrid == "p1"


def test_group_without_mrid_comes_back_with_one(party):
    said = tell(party, "created", group("", "P2"), group("p3", "P3"))

    assert said.texts("mRID") == [DerGroup.objects.get(name="P2").mrid]


def test_members_the_party_has_registered_become_members(party, dms_client):
    own = make_devices(1, owner=Organisation.objects.get(mrid=party.actor.organisation_mrid))
    ours = make_devices(1, owner=Organisation.objects.get(mrid=dms_client.actor.organisation_mrid))

    tell(party, "created", group("p1", "P1", [*own, *ours, "x1"]))

    row = DerGroup.objects.get(mrid="p1")
    assert (row.member_count, len(member_ids(row.pk))) == (1, 1)
    assert sorted(row.told_members.values_list("mrid", flat=True)) == sorted([*ours, "x1"])


def test_changed_and_deleted(party, dms_client, p1):
    changed = tell(party, "changed", group("", "P1", ["x3"], on=None, description="new"))
    assert (changed.result, members_told(dms_client)) == ("OK", ["x1", "x2", "x3"])
    assert DerGroup.objects.get(mrid="p1").description == "new"

    assert tell(party, "deleted", group("p1", on=None)).result == "OK"
    p1.refresh_from_db()
    assert p1.deleted_at is not None
    assert not p1.told_members.exists()


def test_operation_set_removes_a_told_member(party, dms_client, p1):
    message = operation_set(
        operation(1, "delete", groups_content(group("p1", members=["x1"], on=None)), "true"),
        verb="executed",
    )

    said = party.post(SET, message)

    assert (said.result, members_told(dms_client)) == ("OK", ["x2"])


def test_operation_set_is_all_or_nothing(party, p1):
    before = all_rows_hash()
    message = operation_set(
        operation(1, "delete", groups_content(group("p1", members=["x1"], on=None)), "true"),
        operation(2, "deleted", groups_content(group("ghost", on=None))),
        verb="executed",
        integrity="true",
    )

    said = party.post(SET, message)

    assert said.codes == ["5.9", "99.1"]
    assert all_rows_hash() == before


@pytest.mark.parametrize("verb", ["changed", "deleted"])
@pytest.mark.parametrize("key", [("ours", ""), ("", "OURS"), ("p1", ""), ("", "P1")])
def test_nothing_of_others_can_be_changed(dms_client, party, rival, p1, verb, key):
    dms_client.post("create/executeDERGroups", create_groups(group("ours", "OURS")))
    before = all_rows_hash()

    said = tell(rival, verb, group(*key, ["x9"], on=None))

    # Word for word as for a group that does not exist: what others have is nobody's business.
    ghost = tell(rival, verb, group(*[part and "ghost" for part in key], ["x9"], on=None))
    assert (said.result, said.codes) == ("FAILED", ["99.1"])
    assert said.errors == [error | {"id": said.errors[0]["id"]} for error in ghost.errors]
    assert all_rows_hash() == before


@pytest.mark.parametrize("verb", ["changed", "deleted"])
def test_a_client_that_sees_a_group_is_told_whose_it_is(dms_client, party, p1, verb):
    said = tell(dms_client, verb, group("p1", on=None))

    assert (said.result, said.codes) == ("FAILED", ["7.5"])


@pytest.mark.parametrize("key", [("ours", "N"), ("n", "OURS"), ("p1", "N"), ("n", "P1")])
def test_nothing_of_others_can_be_taken(dms_client, party, rival, p1, key):
    dms_client.post("create/executeDERGroups", create_groups(group("ours", "OURS")))
    before = all_rows_hash()

    said = tell(rival, "created", group(*key))

    assert (said.result, said.codes) == ("FAILED", ["7.5"])
    assert all_rows_hash() == before


def test_told_of_twice(party, p1):
    assert tell(party, "created", group("p1", "P1")).codes == ["6.1"]


def test_a_party_cannot_change_our_group_of_its_organisation(dms_client, party):
    own = Organisation.objects.get(mrid=party.actor.organisation_mrid)
    dms_client.post("create/executeDERGroups", create_groups(group("ours", "OURS")))
    DerGroup.objects.filter(mrid="ours").update(owner=own)

    assert tell(party, "changed", group("ours", on=None)).codes == ["7.5"]


def test_told_status_reaches_query_and_rest(dms_client, party, operator, p1):
    at = (clock.now() - dt.timedelta(seconds=5)).isoformat()

    said = tell_status(party, at=at, nominal="2.5", multiplier="M")

    assert said.result == "OK"
    shown = dms_client.post(
        "get/queryDERGroupStatuses",
        query("DERGroupStatusQueries", "DERGroupStatuses", asked("p1")),
    )
    assert shown.texts("nominalYValue") == ["2500"]
    assert shown.texts("value") == ["Online"]
    assert f"Told by {p1.owner.name}" in shown.texts("remark")[0]
    told = operator.get("/api/v1/groups/p1").json()
    assert told["party"] == p1.owner.name
    assert (told["told"]["stale"], told["told"]["values"][0]["nominal"]) == (False, 2.5e6)
    assert told["status"] is None
    listed = operator.get("/api/v1/groups").json()["results"]
    assert [row["party"] for row in listed] == [p1.owner.name]
    assert operator.get("/api/v1/groups/p1/status").status_code == 404


def test_direction_reverse_turns_signs_and_limits(party, p1):
    tell_status(party, flow="reverse")

    value = ToldStatus.objects.get().values["activePower"]
    assert value["nominal"] == -1500.0
    assert (value["high"], value["low"]) == (8000.0, -8000.0)
    assert (value["installed_max"], value["installed_min"]) == (9000.0, -9000.0)


def test_old_status_is_stale_and_an_older_one_does_not_replace_it(dms_client, party, operator, p1):
    now = clock.now()
    tell_status(party, at=(now - dt.timedelta(minutes=10)).isoformat(), nominal="2")

    tell_status(party, at=(now - dt.timedelta(minutes=20)).isoformat(), nominal="1")

    told = operator.get("/api/v1/groups/p1").json()["told"]
    assert (told["stale"], told["values"][0]["nominal"]) == (True, 2000.0)
    shown = dms_client.post(
        "get/queryDERGroupStatuses",
        query("DERGroupStatusQueries", "DERGroupStatuses", asked("p1")),
    )
    assert shown.texts("value") == ["Stale"]


def test_a_clock_that_runs_ahead_makes_nothing_younger(party, operator, p1):
    tell_status(party, at=(clock.now() + dt.timedelta(days=1)).isoformat())
    ToldStatus.objects.update(received_at=clock.now() - dt.timedelta(hours=1))

    assert operator.get("/api/v1/groups/p1").json()["told"]["stale"] is True


@pytest.mark.parametrize(
    ("mrid", "more", "code"),
    [
        ("ghost", {}, "99.1"),
        ("ours", {}, "99.1"),
        ("p1", {"unit": "V"}, "2.29"),
        ("p1", {"nominal": "NaN"}, "6.1"),
        ("p1", {"nominal": "1e38", "multiplier": "Y"}, None),
        ("p1", {"at": "9999-99-99T00:00:00Z"}, "1.8"),
        ("p1", {"flow": "lagging"}, "2.29"),
        ("", {}, "1.7"),
    ],
)
def test_status_refused(dms_client, party, p1, mrid, more, code):
    dms_client.post("create/executeDERGroups", create_groups(group("ours", "OURS")))

    said = tell_status(party, mrid, **more)

    assert said.codes == [code or "0.0"]
    assert ToldStatus.objects.exists() is (code is None)


@pytest.mark.django_db
def test_we_neither_measure_nor_command_nor_change_it(dms_client, party, operator, p1):
    tell_status(party)
    StatusKeeper(Fleet(), pause_s=0).tick()

    asked_for = create_dispatches(
        dispatch("p1", schedules=schedule((1.0,), start=soon())), message_id="d1"
    )
    dispatched = dms_client.post("create/executeDERGroupDispatches", asked_for)
    changed = dms_client.post(
        "change/executeDERGroups",
        create_groups(group("p1", on=None, description="x"), verb="change"),
    )
    deleted = dms_client.post(
        "change/executeDERGroups", create_groups(group("p1", on=None), verb="delete")
    )

    assert operator.get("/api/v1/group-statuses").json() == []
    assert dispatched.codes == ["6.1"]
    assert "has no device of ours" in dispatched.errors[0]["details"]
    assert (changed.codes, deleted.codes) == (["7.5"], ["7.5"])


def test_a_group_with_devices_registered_here_can_be_dispatched(dms_client, party):
    own = make_devices(2, owner=Organisation.objects.get(mrid=party.actor.organisation_mrid))
    report(own)
    tell(party, "created", group("p1", "P1", [*own, "x1"]))

    said = dms_client.post(
        "create/executeDERGroupDispatches",
        create_dispatches(dispatch("p1", schedules=schedule((1.0,), start=soon()))),
    )

    assert said.result == "OK"


def test_parties_do_not_see_each_other(party, rival, p1):
    for path, name, noun in (
        ("get/queryDERGroups", "DERGroupQueries", "DERGroups"),
        ("get/queryDERGroupStatuses", "DERGroupStatusQueries", "DERGroupStatuses"),
    ):
        assert rival.post(path, query(name, noun, asked("p1"))).codes == ["99.1"]
        assert party.post(path, query(name, noun, asked("p1"))).result == "OK"


def test_repeated_event_has_one_effect(party, p1):
    message = request(
        "ChangedDERGroups", "DERGroups", "changed",
        groups_content(group("p1", members=["x7"], on=None)), message_id="e1",
    )  # fmt: skip

    first, second = party.post(CHANGED, message), party.post(CHANGED, message)

    p1.refresh_from_db()
    assert (first.raw, p1.revision) == (second.raw, 2)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (request("CreatedDERGroups", "DERGroups", "created", None), "1.7"),
        (request("CreatedDERGroups", "DERGroups", "create", groups_content(group("g"))), "2.9"),
        (
            request(
                "CreatedDERGroups", "DERGroups", "created", groups_content(group("g", on=None))
            ),
            "1.8",
        ),
        (request("CreatedDERGroups", "DERGroups", "created", groups_content(group())), "1.7"),
    ],
)
def test_created_refused(party, message, code):
    assert party.post(CREATED, message).codes == [code]
