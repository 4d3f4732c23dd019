import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from derms.audit.models import AuditRecord
from derms.core import clock
from derms.core.errors import InvalidInputError, NotFoundError, RuleViolationError
from derms.events.models import OutboxFact
from groups import selectors, services
from groups.choices import DerFunction
from groups.models import DerGroup, Membership
from groups.rules.definition import (
    GroupChange,
    GroupData,
    GroupKey,
    MemberKeys,
    Name,
    Version,
)
from tests.factories import devices

POWER = frozenset({DerFunction.REAL_POWER_DISPATCH})


@pytest.fixture
def actor(operator):
    devices.make_owner()
    return operator.actor


def make(actor, name="NORTH", members=(), **more):
    data = GroupData(name=name, functions=POWER, members=MemberKeys(mrids=tuple(members)), **more)
    return services.create_group(data=data, actor=actor)


def change(actor, group, **what):
    return services.change_group(
        key=GroupKey(mrid=group.mrid), change=GroupChange(**what), actor=actor
    )


def keys(mrids):
    return MemberKeys(mrids=tuple(mrids))


def test_creates_group_with_members_audit_and_fact(actor):
    one, two = devices.make_device(), devices.make_device()

    group = make(actor, members=[one.mrid, two.mrid], version=Version(major=1, minor=2))

    assert selectors.member_ids(group.pk).tolist() == sorted([one.pk, two.pk])
    assert (group.member_count, group.version_minor) == (2, 2)
    assert AuditRecord.objects.get(object_mrid=group.mrid).action == "group.create"
    assert OutboxFact.objects.get(topic="groups.group_created").payload["mrid"] == group.mrid


def test_device_listed_twice_is_one_member(actor):
    device = devices.make_device()

    group = make(actor, members=[device.mrid, device.mrid])

    assert group.member_count == 1


def test_members_may_be_given_by_name(actor):
    device = devices.make_device(name="F07-PV-001")

    group = services.create_group(
        data=GroupData(name="G", functions=POWER, members=MemberKeys(names=("F07-PV-001",))),
        actor=actor,
    )

    assert selectors.member_ids(group.pk).tolist() == [device.pk]


@pytest.mark.parametrize(
    ("change_device", "code"),
    [
        ({"lifecycle_state": "suspended"}, "not_eligible"),
        ({"lifecycle_state": "planned"}, "not_eligible"),
        ({"eligible": False}, "not_eligible"),
    ],
)
def test_refuses_member_that_may_not_be_commanded(actor, change_device, code):
    good, bad = devices.make_device(), devices.make_device(**change_device)

    with pytest.raises(RuleViolationError) as caught:
        make(actor, members=[good.mrid, bad.mrid])

    assert caught.value.code == code
    assert caught.value.params["id"] == bad.mrid
    assert not DerGroup.objects.exists()


def test_refuses_unknown_member_and_names_it(actor):
    with pytest.raises(RuleViolationError) as caught:
        make(actor, members=["no-such-device"])

    assert (caught.value.code, caught.value.params["id"]) == ("unknown_device", "no-such-device")
    assert not DerGroup.objects.exists()


def test_refuses_taken_name_and_taken_mrid(actor):
    first = make(actor, name="NORTH")

    with pytest.raises(RuleViolationError) as by_name:
        make(actor, name="NORTH")
    with pytest.raises(RuleViolationError) as by_mrid:
        make(actor, name="OTHER", mrid=first.mrid)

    assert by_name.value.params["id_kind"] == "name"
    assert by_mrid.value.params["id_kind"] == "uuid"
    assert DerGroup.objects.count() == 1


def test_change_adds_members_and_keeps_the_rest(actor):
    one, two, three = (devices.make_device() for _ in range(3))
    group = make(actor, members=[one.mrid, two.mrid])

    changed = change(actor, group, add=keys([three.mrid, one.mrid]), version=Version(major=2))

    assert selectors.member_ids(group.pk).tolist() == sorted([one.pk, two.pk, three.pk])
    assert (changed.member_count, changed.revision, changed.version_major) == (3, 2, 2)
    assert changed.functions == [DerFunction.REAL_POWER_DISPATCH]


def test_change_replaces_functions_as_a_whole(actor):
    group = make(actor)

    changed = change(actor, group, functions=frozenset({DerFunction.VOLTAGE_REGULATION}))

    assert changed.functions == ["voltageRegulation"]


def test_stale_revision_is_refused(actor):
    group = make(actor)
    change(actor, group, description="newer")

    with pytest.raises(RuleViolationError) as caught:
        services.change_group(
            key=GroupKey(mrid=group.mrid),
            change=GroupChange(description="older"),
            actor=actor,
            expected_revision=1,
        )

    assert caught.value.code == "stale_revision"
    assert DerGroup.objects.get().description == "newer"


def test_who_was_a_member_at_an_instant(actor, time_machine):
    device = devices.make_device()
    at = [dt.datetime(2026, 5, day, tzinfo=dt.UTC) for day in (1, 2, 3, 4, 5)]
    time_machine.move_to(at[0], tick=False)
    group = make(actor)
    time_machine.move_to(at[1], tick=False)
    change(actor, group, add=keys([device.mrid]))
    time_machine.move_to(at[3], tick=False)
    change(actor, group, remove=keys([device.mrid]))

    seen = [selectors.member_ids(group.pk, at=instant).tolist() for instant in at]

    assert seen == [[], [device.pk], [device.pk], [], []]
    assert selectors.member_ids(group.pk).tolist() == []


def test_members_of_a_deleted_group_stay_answerable_and_its_name_is_free(actor, time_machine):
    device = devices.make_device()
    then = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    time_machine.move_to(then, tick=False)
    group = make(actor, members=[device.mrid])
    time_machine.move_to(then + dt.timedelta(days=1), tick=False)

    services.delete_group(key=GroupKey(names=(Name("NORTH"),)), actor=actor)

    assert selectors.member_ids(group.pk, at=then).tolist() == [device.pk]
    assert not selectors.list_groups(actor=actor).exists()
    assert make(actor, name="NORTH").pk != group.pk


def test_database_refuses_overlapping_periods_whoever_writes_them(actor):
    device = devices.make_device()
    group = make(actor, members=[device.mrid])
    now = clock.now()
    closed = (now - dt.timedelta(hours=1), now + dt.timedelta(hours=1))

    for period in [closed, (now, None)]:
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.create(group=group, device_id=device.pk, period=period)
    assert Membership.objects.count() == 1


def test_database_refuses_membership_of_unknown_device(actor):
    group = make(actor)

    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(group=group, device_id=10**6, period=(clock.now(), None))


def test_joining_and_leaving_at_the_same_instant_leaves_no_period(actor, time_machine):
    device = devices.make_device()
    time_machine.move_to(dt.datetime(2026, 5, 1, tzinfo=dt.UTC), tick=False)
    group = make(actor, members=[device.mrid])

    change(actor, group, remove=keys([device.mrid]))

    assert not Membership.objects.exists()


def test_key_needs_mrid_or_name_and_both_must_agree(actor):
    group = make(actor)
    make(actor, name="SOUTH")

    with pytest.raises(InvalidInputError) as empty:
        selectors.get_group(key=GroupKey(), actor=actor)
    with pytest.raises(InvalidInputError) as differing:
        selectors.get_group(key=GroupKey(mrid=group.mrid, names=(Name("SOUTH"),)), actor=actor)
    with pytest.raises(NotFoundError) as unknown:
        selectors.get_group(key=GroupKey(names=(Name("NOBODY"),)), actor=actor)

    assert (empty.value.cim_code, differing.value.cim_code) == ("1.7", "2.29")
    assert unknown.value.params == {"object_type": "DERGroup", "id_kind": "name", "id": "NOBODY"}


def test_aggregator_sees_only_its_own_groups(actor, aggregator):
    make(actor, name="UTILITY")
    own = make(aggregator.actor, name="AGG")

    assert [g.pk for g in selectors.list_groups(actor=aggregator.actor)] == [own.pk]
    with pytest.raises(NotFoundError):
        selectors.get_group(key=GroupKey(names=(Name("UTILITY"),)), actor=aggregator.actor)
