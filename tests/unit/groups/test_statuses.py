import datetime as dt

import numpy as np
import pytest

from derms.core import clock
from derms.core.quantities import Quantity
from derms.devices.fleet import Fleet
from derms.devices.services import store_readings
from groups import selectors, services
from groups.choices import DerFunction
from groups.models import GroupStatus, GroupStatusSample
from groups.rules.definition import GroupChange, GroupData, GroupKey, MemberKeys
from groups.services.statuses import StatusKeeper
from tests.factories import devices

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeper():
    return StatusKeeper(Fleet(), pause_s=0)


def group_of(actor, name, members):
    data = GroupData(
        name=name,
        functions=frozenset({DerFunction.REAL_POWER_DISPATCH}),
        members=MemberKeys(mrids=tuple(d.mrid for d in members)),
    )
    return services.create_group(data=data, actor=actor)


def test_status_follows_readings_memberships_and_staleness(operator, keeper):
    one, two, three = (devices.make_device(poll_interval_s=5) for _ in range(3))
    group = group_of(operator.actor, "NORTH", [one, two, three])
    store_readings(devices.make_batch([one.pk, two.pk], [1000.0, -400.0]))
    old = clock.now() - dt.timedelta(seconds=60)
    store_readings(devices.make_batch([three.pk], 700.0, at=old))
    store_readings(devices.make_batch([one.pk, two.pk], [80.0, 20.0], quantity=Quantity.SOC_PCT))

    keeper.tick()
    first = GroupStatus.objects.get(group=group)
    services.change_group(
        key=GroupKey(mrid=group.mrid),
        change=GroupChange(remove=MemberKeys(mrids=(two.mrid,))),
        actor=operator.actor,
    )
    store_readings(devices.make_batch([one.pk], 1500.0))
    keeper.tick()
    second = GroupStatus.objects.get(group=group)

    assert (first.active_power_w, first.stale_last_w) == (600.0, 700.0)
    assert (first.members, first.good, first.stale) == (3, 2, 1)
    assert first.soc_pct == 50.0
    assert first.energy_capacity_wh == 20_000
    assert first.installed_max_w == 15_000
    assert first.available_max_w == 10_000
    assert (second.active_power_w, second.members) == (1500.0, 2)


def test_group_without_soc_has_none_and_not_nan(operator, keeper):
    device = devices.make_device(kind="pv", plate={"rated_wh": None, "rated_charge_w": 0.0})
    group = group_of(operator.actor, "PV", [device])

    keeper.tick()

    status = GroupStatus.objects.get(group=group)
    assert (status.soc_pct, status.voltage_v, status.coverage_pct) == (None, None, 0)


def test_deleted_group_loses_its_status_and_the_tick_goes_on(operator, keeper):
    gone = group_of(operator.actor, "GONE", [devices.make_device()])
    stays = group_of(operator.actor, "STAYS", [devices.make_device()])
    keeper.tick()

    services.delete_group(key=GroupKey(mrid=gone.mrid), actor=operator.actor)
    count = keeper.tick()

    assert count == 1
    assert [s.group_id for s in GroupStatus.objects.all()] == [stays.pk]


def test_history_is_thinned_and_forgotten(operator, keeper, time_machine):
    group = group_of(operator.actor, "NORTH", [devices.make_device()])
    start = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    for second in range(60):
        time_machine.move_to(start + dt.timedelta(seconds=second), tick=False)
        keeper.tick()

    samples = selectors.trend(group.pk, start_at=start, end_at=start + dt.timedelta(minutes=1))
    thinned = selectors.trend(
        group.pk, start_at=start, end_at=start + dt.timedelta(minutes=1), limit=3
    )
    time_machine.move_to(start + dt.timedelta(days=8), tick=False)
    forgotten = services.forget_history()

    assert [s.at.second for s in samples] == [0, 10, 20, 30, 40, 50]
    assert len(thinned) == 3
    assert forgotten == 6
    assert not GroupStatusSample.objects.exists()


def test_many_random_updates_equal_a_recomputation(operator, keeper):
    rng = np.random.default_rng(7)
    fleet = [devices.make_device() for _ in range(20)]
    ids = np.array([d.pk for d in fleet])
    groups = {
        group_of(operator.actor, f"G{g}", rng.choice(fleet, 8, replace=False)): None
        for g in range(5)
    }
    latest = dict.fromkeys(ids.tolist(), 0.0)
    base = clock.now() - dt.timedelta(seconds=1)
    for step in range(40):
        chosen = rng.choice(ids, 6, replace=False)
        values = rng.normal(0, 1e4, 6)
        at = base + dt.timedelta(milliseconds=step)
        store_readings(devices.make_batch(chosen, values, at=at))
        latest |= dict(zip(chosen.tolist(), values.tolist(), strict=True))
        keeper.tick()

    for group in groups:
        expected = sum(latest[i] for i in selectors.member_ids(group.pk).tolist())
        measured = GroupStatus.objects.get(group=group).active_power_w
        assert measured == pytest.approx(expected, rel=1e-9, abs=1e-6)
