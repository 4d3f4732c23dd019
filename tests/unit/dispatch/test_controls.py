import datetime as dt

import numpy as np
import pytest

from derms.accounts.choices import OrganisationKind
from derms.audit.models import AuditRecord
from derms.core import clock
from derms.core.actors import Role
from derms.core.errors import (
    InvalidInputError,
    NotFoundError,
    RuleViolationError,
)
from derms.devices.services import set_eligible
from derms.southbound.contract import CommandKind, CommandState
from derms.southbound.models import DeviceCommand
from dispatch import selectors, services
from dispatch.choices import ControlAction
from dispatch.models import DeviceSwitch, EndDeviceControl
from dispatch.rules.control_request import ControlData
from dispatch.rules.control_states import NEXT, end_state
from dispatch.selectors.snapshots import held_off_ids, members_in_database
from dispatch.services import tick
from groups.choices import DerFunction
from groups.rules.definition import GroupKey, MemberKeys
from tests.factories.accounts import actor
from tests.factories.controls import answer, ask, outcomes, run, told
from tests.factories.devices import make_device, make_owner
from tests.factories.dispatch import Utility

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_devices(settings):
    settings.DISPATCH_RESPONSE_S = 0.0
    tick._tracks.clear()
    tick._members.clear()


@pytest.fixture
def utility():
    return Utility(5)


@pytest.fixture
def travel(time_machine):
    time_machine.move_to(clock.now(), tick=False)
    return time_machine


def test_disconnects_a_group_device_by_device(utility):
    row = ask(utility, correlation_id="c-1")

    assert (row.state, row.devices, row.rated_w) == ("scheduled", 5, 50_000)
    assert run(row) == "executing"
    commands = DeviceCommand.objects.filter(origin=row.journal_key)
    assert set(commands.values_list("kind", "revision")) == {(CommandKind.DISCONNECT, 1)}
    assert sorted(commands.values_list("device_id", flat=True)) == utility.ids.tolist()

    answer(row)
    assert run(row) == "completed"
    assert (row.done, row.failed, row.unknown) == (5, 0, 0)
    [fact] = told()
    assert (fact["action"], fact["done"], fact["correlation_id"]) == ("disconnect", True, "c-1")
    assert {d["mrid"] for d in fact["devices"]} == {d.mrid for d in utility.devices}
    assert [r.action for r in AuditRecord.objects.filter(object_mrid=row.mrid).order_by("pk")] == [
        "control.create", "control.executing", "control.completed",
    ]  # fmt: skip


def test_devices_that_fail_are_reported_one_by_one(utility):
    row = ask(utility)
    run(row)
    answer(row, CommandState.REJECTED, devices=utility.devices[:1], detail="local control")
    answer(row)

    assert run(row) == "partly_failed"
    assert outcomes(row) == ["failed", "done", "done", "done", "done"]
    failed = next(fact for fact in told() if not fact["done"])
    assert failed["devices"] == [
        {
            "mrid": utility.devices[0].mrid,
            "name": utility.devices[0].name,
            "detail": "local control",
        }
    ]


def test_control_fails_when_no_device_does_it(utility):
    row = ask(utility)
    run(row)
    answer(row, CommandState.EXPIRED)

    assert run(row) == "failed"
    assert held_off_ids().size == 0


def test_outcomes_are_told_once_however_often_they_are_read(utility):
    row = ask(utility)
    run(row)
    answer(row, devices=utility.devices[:2])
    for _ in range(3):
        run(row)
        services.settle_control(origin=str(row.journal_key))
    answer(row)
    for _ in range(3):
        services.settle_control(origin=str(row.journal_key))

    assert [len(fact["devices"]) for fact in told()] == [2, 3]
    assert run(row) == "completed"


def test_a_silent_device_is_unknown_and_corrected_when_it_speaks(utility, travel, settings):
    row = ask(utility)
    run(row)
    answer(row, devices=utility.devices[1:])
    answer(row, CommandState.UNKNOWN)
    assert run(row) == "executing"

    travel.shift(settings.CONTROL_DEADLINE_S + 1)
    assert run(row) == "partly_failed"
    assert (row.done, row.unknown) == (4, 1)
    assert utility.ids[0] in held_off_ids()
    assert [(f["done"], len(f["devices"])) for f in told()] == [(True, 4), (False, 1)]

    answer(row)
    services.settle_control(origin=str(row.journal_key))
    row.refresh_from_db()
    assert (row.done, row.unknown) == (5, 0)
    assert [(f["done"], len(f["devices"])) for f in told()][2:] == [(True, 1)]


def test_a_silent_device_that_did_not_do_it_is_told_of_once(utility, travel, settings):
    row = ask(utility, devices=utility.devices[:1])
    run(row)
    answer(row, CommandState.UNKNOWN)
    travel.shift(settings.CONTROL_DEADLINE_S + 1)
    assert run(row) == "failed"

    answer(row, CommandState.FAILED, detail="it is still connected")
    services.settle_control(origin=str(row.journal_key))

    row.refresh_from_db()
    assert (row.failed, row.unknown, outcomes(row)) == (1, 0, ["failed"])
    assert [fact["done"] for fact in told()] == [False]
    assert held_off_ids().size == 0


def test_disconnected_devices_stay_out_of_dispatch_until_connected(utility):
    row = ask(utility, devices=utility.devices[:2])
    run(row)
    # From the command on, although they still measure and say they are connected.
    columns = members_in_database(utility.ids, reactive=False)
    assert columns.usable.tolist() == [False, False, True, True, True]

    dispatch = services.create_dispatch(data=utility.data(24_000.0), actor=actor())
    services.run_tick()
    asked = DeviceCommand.objects.filter(origin=dispatch.journal_key)
    assert sorted(asked.values_list("device_id", flat=True)) == utility.ids[2:].tolist()

    answer(row)
    run(row)
    assert held_off_ids().tolist() == utility.ids[:2].tolist()
    back = ask(utility, action=ControlAction.CONNECT, devices=utility.devices[:2])
    run(back)
    assert held_off_ids().tolist() == utility.ids[:2].tolist()
    answer(back, devices=utility.devices[:1])
    answer(back, CommandState.FAILED)
    assert run(back) == "partly_failed"
    assert held_off_ids().tolist() == utility.ids[1:2].tolist()


def test_a_failed_disconnect_does_not_free_what_an_earlier_one_holds(utility):
    first = ask(utility)
    run(first)
    answer(first)
    run(first)
    second = ask(utility)
    run(second)
    answer(second, CommandState.FAILED)
    run(second)

    assert held_off_ids().tolist() == utility.ids.tolist()


def test_devices_go_back_after_the_duration_but_not_those_another_control_has(utility, travel):
    row = ask(utility, duration_s=600)
    run(row)
    answer(row, CommandState.REJECTED, devices=utility.devices[:1])
    answer(row)
    assert run(row) == "holding"
    later = ask(utility, devices=utility.devices[4:])
    run(later)
    answer(later)
    run(later)

    travel.shift(601)
    assert run(row) == "restoring"
    back = DeviceCommand.objects.filter(origin=row.journal_key, revision=2)
    assert set(back.values_list("kind", flat=True)) == {CommandKind.CONNECT}
    assert sorted(back.values_list("device_id", flat=True)) == utility.ids[1:4].tolist()
    answer(row)
    assert run(row) == "partly_failed"
    assert held_off_ids().tolist() == utility.ids[4:].tolist()
    assert [f["action"] for f in told() if f["control_mrid"] == row.mrid][-1] == "connect"


def test_cancelled_holding_control_leaves_devices_as_they_are(utility, travel):
    row = ask(utility, duration_s=600)
    run(row)
    answer(row)
    run(row)

    services.cancel_control(mrid=row.mrid, reason="work goes on", actor=actor())
    travel.shift(601)

    assert run(row) == "cancelled"
    assert not DeviceCommand.objects.filter(origin=row.journal_key, revision=2).exists()
    assert held_off_ids().size == 5


def test_starts_at_its_time_and_can_be_cancelled_before(utility, travel):
    start = clock.now() + dt.timedelta(minutes=5)
    row, other = ask(utility, start_at=start), ask(utility, start_at=start)
    assert run(row) == "scheduled"
    services.cancel_control(mrid=other.mrid, reason="", actor=actor())

    travel.shift(301)

    assert run(row) == "executing"
    other.refresh_from_db()
    assert (other.state, other.failed) == ("cancelled", 5)
    with pytest.raises(RuleViolationError, match="executing"):
        services.cancel_control(mrid=row.mrid, reason="", actor=actor())


def test_control_that_could_not_start_in_time_expires(utility, travel, settings):
    row = ask(utility, correlation_id="c")

    travel.shift(settings.CONTROL_VALID_S + 1)

    assert run(row) == "expired"
    assert not DeviceCommand.objects.exists()
    assert [(f["done"], len(f["devices"])) for f in told()] == [(False, 5)]


def test_preview_counts_each_device_once_and_does_nothing(utility):
    data = ControlData(
        action=ControlAction.DISCONNECT,
        groups=(GroupKey(mrid=utility.group.mrid),),
        devices=MemberKeys(names=(utility.devices[0].name,)),
    )

    preview = services.preview_control(data=data, actor=actor())

    assert (preview.devices, preview.rated_w, preview.needs_release) == (5, 50_000, False)
    assert not EndDeviceControl.objects.exists()


def test_group_without_the_function_is_refused_by_name():
    utility = Utility(2, functions=frozenset(DerFunction) - {DerFunction.CONNECT_DISCONNECT})

    with pytest.raises(RuleViolationError, match="connectDisconnect") as refused:
        ask(utility)

    assert refused.value.cim_code == "6.1"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"groups": (GroupKey(mrid="nobody"),)}, NotFoundError),
        ({"devices": MemberKeys(mrids=("nobody",))}, RuleViolationError),
        ({"devices": MemberKeys(names=("nobody",))}, RuleViolationError),
        ({}, InvalidInputError),
    ],
)
def test_unknown_targets_are_refused(utility, more, error):
    with pytest.raises(error):
        services.create_control(
            data=ControlData(action=ControlAction.CONNECT, **more), actor=actor()
        )
    assert not EndDeviceControl.objects.exists()


@pytest.mark.parametrize(
    ("times", "error"),
    [
        ({"duration_s": 0.0}, InvalidInputError),
        ({"duration_s": float("nan")}, InvalidInputError),
        ({"duration_s": -5.0}, InvalidInputError),
        ({"start_h": -2, "duration_s": 60.0}, RuleViolationError),
        ({"start_h": 10_000}, InvalidInputError),
    ],
)
def test_unusable_times_are_refused(utility, times, error):
    hours = times.pop("start_h", None)
    start = None if hours is None else clock.now() + dt.timedelta(hours=hours)

    with pytest.raises(error):
        ask(utility, start_at=start, **times)


def test_what_has_begun_already_ends_when_it_would(utility, travel):
    row = ask(utility, start_at=clock.now() - dt.timedelta(seconds=100), duration_s=600)

    assert (row.start_at, row.duration_s) == (clock.now(), 500)


def test_unfit_device_may_be_switched_off_but_not_on(utility):
    device = utility.devices[0]
    set_eligible(mrid=device.mrid, eligible=False, reason="contract over", actor=actor())

    with pytest.raises(RuleViolationError, match="eligible"):
        ask(utility, action=ControlAction.CONNECT, devices=[device])
    assert ask(utility, devices=[device]).state == "scheduled"


def test_target_says_for_people_what_is_switched(utility):
    other = Utility(2)
    asked = {
        "group": {},
        "device": {"devices": utility.devices[:1]},
        "devices": {"devices": utility.devices[:3]},
    }

    targets = {name: ask(utility, **more).target for name, more in asked.items()}
    both = ControlData(
        action=ControlAction.DISCONNECT,
        groups=(GroupKey(mrid=other.group.mrid),),
        devices=MemberKeys(mrids=(utility.devices[0].mrid, other.devices[0].mrid)),
    )

    assert targets == {
        "group": utility.group.name,
        "device": utility.devices[0].name,
        "devices": "3 devices",
    }
    row = services.create_control(data=both, actor=actor())
    assert (row.target, row.devices) == (f"{other.group.name}, 1 device", 3)


def test_an_mrid_is_taken_once(utility):
    ask(utility, mrid="twice")

    with pytest.raises(RuleViolationError, match="already"):
        ask(utility, mrid="twice")


def test_every_open_state_leads_somewhere_and_every_end_is_one():
    assert {s for s, following in NEXT.items() if not following} == {
        "completed", "partly_failed", "failed", "cancelled", "rejected", "expired",
    }  # fmt: skip
    assert [end_state(devices=3, done=n) for n in (3, 1, 0)] == [
        "completed", "partly_failed", "failed",
    ]  # fmt: skip


def test_newest_control_owns_the_device(utility):
    row = ask(utility)
    run(row)

    assert set(DeviceSwitch.objects.values_list("control_id", "phase")) == {(row.pk, 1)}
    assert np.array_equal(np.sort(list(DeviceSwitch.objects.values_list("device_id", flat=True))),
                          utility.ids)  # fmt: skip
    mine = selectors.list_controls(actor=actor(), device_mrid=utility.devices[0].mrid)
    assert mine.get() == row


def test_who_sees_one_organisation_sees_only_controls_of_its_devices(utility):
    own = make_device(owner=make_owner("Sun Ltd", kind=OrganisationKind.AGGREGATOR))
    theirs = ask(utility)
    mine = ask(utility, devices=[own])
    mixed = ask(utility, devices=[own, utility.devices[0]])
    aggregator = actor(Role.AGGREGATOR, organisation_mrid=own.owner.mrid)

    assert list(selectors.list_controls(actor=aggregator)) == [mine]
    both = {mine.mrid, mixed.mrid}
    assert selectors.visible_controls(both, actor=aggregator) == {mine.mrid}
    with pytest.raises(NotFoundError):
        selectors.get_control(theirs.mrid, actor=aggregator)
    assert selectors.get_control(mixed.mrid, actor=actor()) == mixed
