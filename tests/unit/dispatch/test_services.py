import datetime as dt
import math

import numpy as np
import pytest

from derms.alarms.models import Alarm
from derms.audit.models import AuditRecord
from derms.core import clock
from derms.core.actors import SYSTEM
from derms.core.errors import InvalidInputError, NotFoundError, RuleViolationError
from derms.devices.services import set_eligible
from derms.events.models import OutboxFact
from derms.southbound.models import DeviceCommand
from derms.southbound.selectors import latest_commands
from dispatch import selectors, services
from dispatch.choices import DerParameter
from dispatch.models import DispatchEvent, DispatchSample, GroupDispatch
from dispatch.rules.parameters import SUPPORT
from dispatch.services import tick
from groups.choices import DerFunction
from groups.rules.definition import GroupKey
from tests.factories.accounts import actor
from tests.factories.dispatch import Utility

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_devices(settings):
    settings.DISPATCH_RESPONSE_S = 0.0
    tick._tracks.clear()
    tick._members.clear()


@pytest.fixture
def utility():
    return Utility()


def create(utility, *values, by=None, **more):
    return services.create_dispatch(data=utility.data(*values, **more), actor=by or actor())


def run(utility, rounds=1, *, travel=None, every_s=1.0):
    """Let seconds pass, in real time or with the clock of `travel`."""
    for _ in range(rounds):
        services.run_tick()
        if travel is not None:
            travel.shift(every_s)
        utility.step()


@pytest.fixture
def travel(time_machine):
    time_machine.move_to(clock.now(), tick=False)
    return time_machine


def kinds(row):
    return list(DispatchEvent.objects.filter(dispatch=row).values_list("kind", flat=True))


def test_follows_a_target_and_says_so(utility):
    row = create(utility, 40_000.0)

    run(utility, 2)

    services.run_tick()
    row.refresh_from_db()
    assert utility.output.tolist() == pytest.approx([4000.0] * 10)
    assert (row.state, row.tracking) == ("active", "tracking")
    assert (row.target_now, row.measured_now, row.commanded_now) == (40_000, 40_000, 40_000)
    assert (row.members, row.members_delivering, row.members_limited) == (10, 10, 0)
    assert row.headroom_now == pytest.approx(60_000)
    assert kinds(row) == ["accepted", "active", "planned", "ramping", "tracking"]
    assert DispatchSample.objects.filter(dispatch=row).count() == 3
    assert DeviceCommand.objects.filter(origin=row.journal_key).count() == 10


def test_others_take_over_for_dead_and_derated_members(travel):
    utility = Utility()
    utility.cap[:2] = 1000.0
    utility.dead[2] = True
    row = create(utility, 50_000.0)

    run(utility, 5, travel=travel, every_s=5)

    assert utility.output[~utility.dead].sum() == pytest.approx(50_000, rel=0.005)
    row.refresh_from_db()
    assert (row.members_limited, row.members_silent, row.members_delivering) == (2, 1, 7)


def test_members_that_come_back_are_taken_back_slowly(travel):
    utility = Utility()
    utility.cap[:2] = 1000.0
    utility.dead[2] = True
    row = create(utility, 50_000.0)
    run(utility, 6, travel=travel, every_s=5)

    utility.cap[:2] = 10_000.0
    utility.dead[2] = False
    total = []
    for _ in range(10):
        run(utility, 10, travel=travel, every_s=5)
        total.append(utility.output.sum())

    assert np.abs(np.array(total) - 50_000).max() <= 500
    row.refresh_from_db()
    assert utility.output[:3].min() > 1500
    assert row.members_silent == 0


def test_shortfall_raises_an_alarm_and_recovery_clears_it(utility):
    row = create(utility, 90_000.0)
    run(utility, 2)
    utility.cap[:5] = 2000.0
    utility.output[:5] = 2000.0
    utility.measure()

    run(utility, 3)
    services.run_tick()

    row.refresh_from_db()
    assert row.tracking == "shortfall"
    alarm = Alarm.objects.get(kind="dispatch_shortfall", source_mrid=row.mrid)
    assert alarm.cleared_at is None
    services.cancel_dispatch(mrid=row.mrid, reason="enough", actor=actor())
    alarm.refresh_from_db()
    assert alarm.cleared_at is not None


def test_cancel_releases_every_device_and_tells_everybody(utility):
    row = create(utility, 40_000.0)
    run(utility, 2)

    gone = services.cancel_dispatch(mrid=row.mrid, reason="storm over", actor=actor())
    utility.step()

    assert gone.state == "cancelled"
    assert gone.state_reason.endswith("storm over")
    assert utility.output.tolist() == [0.0] * 10
    facts = OutboxFact.objects.filter(topic="dispatch.dispatch_changed").order_by("id")
    assert facts.last().payload["state"] == "cancelled"
    record = AuditRecord.objects.filter(action="dispatch.cancelled").get()
    assert record.object_mrid == row.mrid
    with pytest.raises(RuleViolationError, match="cancelled"):
        services.cancel_dispatch(mrid=row.mrid, reason="", actor=actor())


def test_steps_through_its_intervals_and_ends(travel):
    utility = Utility()
    row = create(utility, 40_000.0, -20_000.0, interval_s=60.0)
    run(utility, 2, travel=travel)
    first = utility.output.sum()

    travel.shift(60)
    utility.measure()
    run(utility, 2, travel=travel)
    second = utility.output.sum()
    travel.shift(60)
    utility.measure()
    run(utility, 2, travel=travel)

    row.refresh_from_db()
    assert (first, second) == (pytest.approx(40_000), pytest.approx(-20_000))
    assert utility.output.sum() == 0
    assert row.state == "completed"
    assert kinds(row)[-2:] == ["ending", "completed"]


def test_hold_leaves_the_devices_alone_at_the_end(travel):
    utility = Utility()
    row = create(utility, 40_000.0, interval_s=60.0, end_behaviour="hold")
    run(utility, 2, travel=travel)

    travel.shift(61)
    run(utility, 2, travel=travel)

    row.refresh_from_db()
    assert row.state == "completed"
    assert utility.output.sum() == pytest.approx(40_000)


def test_straight_line_is_followed_in_steps(travel):
    utility = Utility()
    create(utility, 0.0, 60_000.0, interval_s=60.0, curve_style="straightLineYValues")
    seen = []
    for second in range(1, 60):
        run(utility, travel=travel)
        seen.append(utility.output.sum() - 1000 * second)

    assert np.abs(seen).max() <= 4000
    assert abs(np.mean(seen)) < 700


def test_renews_set_points_before_they_revert(travel, settings):
    settings.SOUTHBOUND_REVERSION_S = 20
    utility = Utility()
    row = create(utility, 40_000.0)

    run(utility, 24, travel=travel)

    sent = DeviceCommand.objects.filter(origin=row.journal_key)
    assert sorted(set(sent.values_list("revision", flat=True))) == [2, 3, 4]
    assert sent.count() == 30


def test_a_later_dispatch_of_the_same_group_supersedes(utility):
    old = create(utility, 40_000.0, name="first")
    run(utility, 2)

    new = create(utility, 60_000.0, name="second")
    run(utility, 2)

    old.refresh_from_db()
    assert (old.state, old.superseded_by) == ("superseded", new.mrid)
    assert "second" in old.state_reason
    assert utility.output.sum() == pytest.approx(60_000)
    assert not DeviceCommand.objects.filter(origin=old.journal_key, kind=6).exists()


def test_a_weaker_dispatch_of_the_same_group_is_refused(utility):
    create(utility, 40_000.0, priority=2)

    with pytest.raises(RuleViolationError) as refused:
        create(utility, 60_000.0, priority=3)

    assert refused.value.code == "outranked"
    create(utility, 60_000.0, priority=3, start_at=clock.now() + dt.timedelta(hours=2))


def test_a_stronger_dispatch_takes_shared_devices_of_another_group(utility):
    part = utility.make_group(utility.devices[:4])
    weak = create(utility, 30_000.0)
    run(utility, 2)

    strong = create(utility, -20_000.0, group=part, priority=1)
    run(utility, 3)

    weak.refresh_from_db()
    assert utility.output[:4].tolist() == pytest.approx([-5000.0] * 4)
    assert utility.output[4:].tolist() == pytest.approx([5000.0] * 6)
    assert (weak.state, weak.members) == ("active", 6)
    services.cancel_dispatch(mrid=strong.mrid, reason="", actor=actor())
    run(utility, 3)
    assert utility.output.sum() == pytest.approx(30_000, rel=0.01)
    assert not DeviceCommand.objects.filter(origin=strong.journal_key, kind=6).exists()


def test_a_dispatch_that_loses_every_device_is_superseded(utility):
    twin = utility.make_group(utility.devices, name="twin")
    weak = create(utility, 30_000.0)
    run(utility)

    strong = create(utility, -20_000.0, group=twin, priority=1)
    run(utility, 2)

    weak.refresh_from_db()
    assert (weak.state, weak.superseded_by) == ("superseded", strong.mrid)


def test_active_and_reactive_power_go_side_by_side(utility):
    active = create(utility, 30_000.0)
    reactive = create(utility, -20_000.0, parameter="reactivePower")
    run(utility, 3)
    powers = utility.output.sum(), utility.output_var.sum()

    services.cancel_dispatch(mrid=active.mrid, reason="", actor=actor())
    utility.step()

    assert powers == (pytest.approx(30_000), pytest.approx(-20_000))
    assert utility.output.sum() == 0
    assert utility.output_var.sum() == pytest.approx(-20_000)
    reactive.refresh_from_db()
    assert reactive.state == "active"


def test_rejected_commands_are_counted_as_measured(utility):
    utility.refusing[0] = True
    row = create(utility, 45_000.0)
    run(utility)
    services.settle(origin=str(row.journal_key), revision=2, counts={"rejected": 1})

    run(utility, 2)

    row.refresh_from_db()
    assert utility.output[0] == 0
    assert utility.output.sum() == pytest.approx(45_000, rel=0.01)
    assert row.settlement == 1
    assert "commands_failed" in kinds(row)


def test_a_lost_process_memory_changes_nothing(utility):
    utility.cap[:3] = 1000.0
    row = create(utility, 50_000.0)
    run(utility, 3)
    before = DeviceCommand.objects.filter(origin=row.journal_key).count()

    tick._tracks.clear()
    run(utility, 2)

    assert DeviceCommand.objects.filter(origin=row.journal_key).count() == before
    assert utility.output.sum() == pytest.approx(50_000, rel=0.01)


def test_a_round_worked_out_on_an_old_revision_journals_nothing(utility, monkeypatch):
    row = create(utility, 50_000.0)
    taken = tick.run_loop

    def slow(row, members, track):
        GroupDispatch.objects.filter(pk=row.pk).update(revision=99)
        return taken(row, members, track)

    monkeypatch.setattr(tick, "run_loop", slow)
    services.run_tick()

    assert not DeviceCommand.objects.filter(origin=row.journal_key).exists()


def test_waits_for_its_start_and_expires_when_nobody_was_there(utility, time_machine):
    now = clock.now()
    later = create(utility, 1000.0, start_at=now + dt.timedelta(minutes=5), interval_s=60.0)
    run(utility)
    later.refresh_from_db()
    waiting = later.state

    time_machine.move_to(now + dt.timedelta(minutes=7))
    run(utility)

    later.refresh_from_db()
    assert (waiting, later.state) == ("scheduled", "expired")


def test_group_changes_reach_a_running_dispatch(utility):
    from groups.rules.definition import GroupChange
    from groups.services import change_group, delete_group

    row = create(utility, 30_000.0)
    run(utility, 2)
    key = GroupKey(mrid=utility.group.mrid)
    from groups.rules.definition import MemberKeys

    gone = MemberKeys(mrids=tuple(d.mrid for d in utility.devices[:5]))
    change_group(key=key, change=GroupChange(remove=gone), actor=SYSTEM)
    run(utility, 3)
    assert utility.output[5:].sum() == pytest.approx(30_000, rel=0.01)

    delete_group(key=key, actor=SYSTEM)
    services.end_of_group(group_mrid=row.group_mrid)

    row.refresh_from_db()
    assert (row.state, row.state_reason) == ("failed", "The group was deleted.")


@pytest.mark.parametrize(
    ("values", "more", "code"),
    [
        ((500_000.0,), {}, "beyond_installed"),
        ((-100_001.0,), {}, "beyond_installed"),
        ((1000.0,), {"start_at": dt.timedelta(hours=-2)}, "window_past"),
        ((1.0,), {"parameter": "voltage"}, "parameter_not_supported"),
        ((95_000.0, 95_000.0, 95_000.0, 95_000.0, 95_000.0), {"allow_partial": False},
         "not_deliverable"),
    ],
)  # fmt: skip
def test_refuses_with_the_binding_reason_and_changes_nothing(utility, values, more, code):
    if "start_at" in more:
        more = more | {"start_at": clock.now() + more["start_at"], "interval_s": 60.0}

    with pytest.raises(RuleViolationError) as refused:
        create(utility, *values, **more)

    assert (refused.value.code, refused.value.cim_code) == (code, "6.1")
    assert not GroupDispatch.objects.exists()
    assert not OutboxFact.objects.filter(topic__startswith="dispatch").exists()
    assert not AuditRecord.objects.filter(action__startswith="dispatch").exists()


@pytest.mark.parametrize(
    "more",
    [
        {"values": (math.nan,)},
        {"values": (math.inf,)},
        {"values": ()},
        {"values": (1.0,), "curve_style": "straightLineYValues"},
        {"curve_style": "nonsense"},
        {"interval_s": 0.0},
        {"interval_s": -5.0},
        {"priority": 0},
        {"priority": 6},
        {"end_behaviour": "explode"},
        {"parameter": "happiness"},
        {"values": (1.0,) * 10_001},
    ],
)
def test_refuses_requests_that_make_no_sense(utility, more):
    data = utility.data(1000.0)
    fields = {name: getattr(data, name) for name in data.__dataclass_fields__} | more

    with pytest.raises(InvalidInputError):
        services.create_dispatch(data=services.DispatchData(**fields), actor=actor())

    assert not GroupDispatch.objects.exists()


def test_refuses_an_unknown_group(utility):
    data = utility.data(1000.0)
    fields = {name: getattr(data, name) for name in data.__dataclass_fields__}

    with pytest.raises(NotFoundError) as refused:
        services.create_dispatch(
            data=services.DispatchData(**fields | {"group": GroupKey(mrid="nobody")}),
            actor=actor(),
        )

    assert refused.value.cim_code == "99.1"


def test_refuses_when_the_function_or_the_members_are_missing():
    plain = Utility(2, functions=())
    with pytest.raises(RuleViolationError, match="realPowerDispatch"):
        create(plain, 100.0)

    barred = Utility(2)
    for device in barred.devices:
        set_eligible(mrid=device.mrid, eligible=False, reason="contract ended", actor=SYSTEM)
    with pytest.raises(RuleViolationError) as refused:
        create(barred, 100.0)
    assert refused.value.code == "no_available_members"


def test_says_beforehand_what_part_can_be_delivered(utility):
    hours = (95_000.0,) * 4

    preview = services.preview_dispatch(data=utility.data(*hours), actor=actor())
    row = create(utility, *hours)

    assert preview.verdict == "partial"
    assert row.deliverable[0] == 95_000
    assert row.deliverable[2] < 95_000
    assert row.deliverable == [p.value for p in preview.assessment.points]
    assert sum(s.share for s in preview.shares) == pytest.approx(95_000)
    assert preview.shares[0].headroom == pytest.approx(500)


def test_old_samples_are_forgotten(utility, settings, time_machine):
    row = create(utility, 1000.0)
    run(utility)

    kept = services.forget_samples()
    time_machine.move_to(clock.now() + dt.timedelta(days=settings.DISPATCH_SAMPLE_DAYS + 1))

    assert (kept, services.forget_samples()) == (0, 1)
    assert kinds(row)[0] == "accepted"


def test_members_are_listed_one_by_one(utility):
    utility.cap[0] = 1000.0
    row = create(utility, 50_000.0)
    run(utility, 3)
    row.refresh_from_db()

    first, cursor = selectors.member_rows(row, limit=4)
    rest, end = selectors.member_rows(row, after=cursor, limit=100)

    rows = [*first, *rest]
    assert [r["name"] for r in rows] == [d.name for d in utility.devices]
    assert [r["state"] for r in rows] == ["limited"] + ["delivering"] * 9
    assert rows[0]["measured"] == 1000
    assert rows[1]["command_state"] == "active"
    assert end is None


def test_latest_commands_of_a_dispatch_add_up(utility):
    row = create(utility, 33_333.0)

    services.run_tick()

    assert latest_commands(row.journal_key).value.sum() == pytest.approx(33_333, rel=1e-6)


@pytest.mark.parametrize("parameter", DerParameter.values)
@pytest.mark.parametrize("functions", [frozenset(DerFunction), frozenset()])
def test_every_parameter_is_carried_out_or_refused_naming_what_is_missing(parameter, functions):
    utility = Utility(2, functions=functions)
    support = SUPPORT[DerParameter(parameter)]
    able = not support.missing and support.function in functions

    if able:
        row = create(utility, 1000.0, parameter=parameter)
        run(utility)
        assert DeviceCommand.objects.filter(origin=row.journal_key).count() == 2
        return
    with pytest.raises(RuleViolationError) as refused:
        create(utility, 1000.0, parameter=parameter)
    message = refused.value.message
    assert refused.value.cim_code == "6.1"
    assert message.startswith(f"{parameter} cannot be dispatched here: ")
    assert support.missing in message
    if support.function is not None and support.function not in functions:
        assert support.function in message
    assert not GroupDispatch.objects.exists()


def test_the_two_powers_are_what_is_carried_out():
    carried_out = {parameter for parameter, support in SUPPORT.items() if not support.missing}

    assert set(SUPPORT) == set(DerParameter)
    assert carried_out == {"activePower", "reactivePower"}
