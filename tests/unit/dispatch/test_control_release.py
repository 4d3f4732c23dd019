"""Controls above the limits of one person: released, rejected, expired."""

import datetime as dt

import pytest

from derms.alarms.models import Alarm
from derms.core import clock
from derms.core.errors import (
    ForbiddenError,
    RuleViolationError,
)
from derms.southbound.models import DeviceCommand
from dispatch import services
from dispatch.rules.control_request import ReleaseLimits
from groups.rules.definition import GroupChange, GroupKey, MemberKeys
from groups.services import change_group, delete_group
from tests.factories.accounts import actor
from tests.factories.controls import ask, outcomes, run, told
from tests.factories.dispatch import Utility

pytestmark = pytest.mark.django_db


@pytest.fixture
def utility():
    return Utility(5)


@pytest.fixture
def travel(time_machine):
    time_machine.move_to(clock.now(), tick=False)
    return time_machine


def awaiting(utility, settings, *, by=None, **more):
    settings.CONTROL_RELEASE_DEVICES = 4
    return ask(utility, by=by, **more)


def test_above_the_limit_a_second_person_must_release(utility, settings):
    requester, approver = actor(), actor()
    row = awaiting(utility, settings, by=requester)

    assert run(row) == "awaiting_release"
    alarm = Alarm.objects.get(kind="control_awaiting_release", source_mrid=row.mrid)
    assert (alarm.priority, alarm.cleared_at) == (2, None)
    with pytest.raises(ForbiddenError):
        services.release_control(mrid=row.mrid, revision=row.revision, actor=requester)
    assert run(row) == "awaiting_release"

    services.release_control(mrid=row.mrid, revision=row.revision, actor=approver)

    assert run(row) == "executing"
    assert row.decided_by == approver.name
    alarm.refresh_from_db()
    assert alarm.cleared_at is not None


@pytest.mark.parametrize(
    ("rated_w", "devices", "waits"),
    [(5e6, 500, False), (5e6 + 1, 500, True), (5e6, 501, True)],
)
def test_limits_of_power_and_number(rated_w, devices, waits):
    limits = ReleaseLimits(rated_w=5e6, devices=500)

    assert limits.exceeded_by(rated_w=rated_w, devices=devices) is waits


def test_changed_expired_or_decided_control_is_not_released(utility, settings, travel):
    row = awaiting(utility, settings)

    with pytest.raises(RuleViolationError):
        services.release_control(mrid=row.mrid, revision=row.revision + 1, actor=actor())
    travel.shift(settings.CONTROL_RELEASE_WAIT_S + 1)
    with pytest.raises(RuleViolationError, match="expired"):
        services.release_control(mrid=row.mrid, revision=row.revision, actor=actor())
    assert run(row) == "expired"
    with pytest.raises(RuleViolationError, match="expired"):
        services.reject_control(mrid=row.mrid, revision=row.revision, reason="", actor=actor())
    assert Alarm.objects.get(source_mrid=row.mrid).cleared_at is not None
    assert not DeviceCommand.objects.exists()


@pytest.mark.parametrize("change", ["add", "remove"])
def test_group_that_changed_meanwhile_must_be_asked_for_again(utility, settings, change):
    row = awaiting(utility, settings)
    mrids = MemberKeys(mrids=(utility.devices[0].mrid,))
    if change == "add":
        other = Utility(1)
        mrids = MemberKeys(mrids=(other.devices[0].mrid,))
    key = GroupKey(mrid=utility.group.mrid)
    change_group(key=key, change=GroupChange(**{change: mrids}), actor=actor())

    with pytest.raises(RuleViolationError, match="other members"):
        services.release_control(mrid=row.mrid, revision=row.revision, actor=actor())
    assert run(row) == "awaiting_release"


def test_rejection_says_why_to_who_asked_by_message(utility, settings):
    row = awaiting(utility, settings, correlation_id="c-2")

    services.reject_control(mrid=row.mrid, revision=row.revision, reason="storm", actor=actor())

    row.refresh_from_db()
    assert row.state == "rejected"
    assert "storm" in row.state_reason
    assert (row.failed, outcomes(row)) == (5, ["failed"] * 5)
    [fact] = told()
    assert (fact["done"], fact["correlation_id"]) == (False, "c-2")


def test_start_ahead_can_be_released_until_then(utility, settings, travel):
    start = clock.now() + dt.timedelta(hours=3)
    row = awaiting(utility, settings, start_at=start)

    travel.shift(3600)
    services.release_control(mrid=row.mrid, revision=row.revision, actor=actor())

    row.refresh_from_db()
    assert (row.state, row.start_at) == ("scheduled", start)


def test_deleted_group_ends_what_has_not_started(utility, settings):
    row = awaiting(utility, settings)
    delete_group(key=GroupKey(mrid=utility.group.mrid), actor=actor())

    assert services.end_controls_of_group(group_mrid=utility.group.mrid) == 1
    row.refresh_from_db()
    assert (row.state, row.failed) == ("failed", 5)
