import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.rules.limits import Flexibility, deliverable, energy_bounds, lump, shortage
from dispatch.rules.schedule import Schedule

START = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
NO = float("nan")


def fleet(**more):
    base = {
        "low": [0.0, -50.0],
        "high": [100.0, 50.0],
        "neutral": [100.0, 0.0],
        "weight": [100.0, 50.0],
        "now": [100.0, 0.0],
        "ramp_per_s": [np.inf, np.inf],
        "stored_wh": [NO, 100.0],
        "space_wh": [NO, 100.0],
    }
    return Flexibility(**{k: np.array(more.get(k, v), float) for k, v in base.items()})


def values(schedule, members):
    return [point.value for point in deliverable(schedule, members)]


def test_delivers_all_that_lies_inside_the_limits():
    points = deliverable(Schedule(START, 900, (80.0, 140.0, -20.0)), fleet())

    assert [p.value for p in points] == [80, 140, -20]
    assert [p.at for p in points] == [START + dt.timedelta(minutes=15 * k) for k in range(3)]
    assert shortage(points) is None


def test_says_what_is_missing_beyond_the_limits():
    points = deliverable(Schedule(START, 900, (200.0, 100.0, -80.0)), fleet())

    assert [(p.low, p.high, p.value) for p in points[:1]] == [(-50, 150, 150)]
    assert points[2].value == -50
    assert shortage(points) is points[0]


def test_a_battery_runs_empty_through_the_schedule():
    hourly = Schedule(START, 3600, (150.0, 150.0, 150.0))

    assert values(hourly, fleet()) == pytest.approx([150, 145, 100], abs=0.01)


def test_a_battery_fills_up_through_the_schedule():
    hourly = Schedule(START, 3600, (-50.0,) * 4)

    got = values(hourly, fleet(neutral=[0, 0], now=[0, 0]))

    assert got == pytest.approx([-50, -50, -5.263, 0], abs=0.01)


def test_charging_first_makes_later_discharging_possible():
    empty = fleet(stored_wh=[NO, 0.0], space_wh=[NO, 200.0])

    assert values(Schedule(START, 3600, (130.0,)), empty) == [100]
    assert values(Schedule(START, 3600, (50.0, 130.0)), empty) == pytest.approx(
        [50, 115.0417], abs=1e-3
    )


def test_a_slow_member_limits_a_step_but_not_a_gentle_line():
    slow = fleet(ramp_per_s=[0.1, np.inf], stored_wh=[NO, NO], space_wh=[NO, NO], high=[100, 0])

    assert values(Schedule(START, 900, (0.0, 0.0)), slow)[0] == pytest.approx(44)
    line = Schedule(START, 900, (100.0, 50.0), straight_line=True)
    assert values(line, slow) == pytest.approx([100, 50])


def test_energy_bounds_keep_forced_limits():
    low, high = energy_bounds(
        np.array([10.0, -5.0]), np.array([20.0, -1.0]), np.array([0.0, 0.0]), np.array([0.0] * 2), 1
    )

    assert low.tolist() == [10, -1]
    assert high.tolist() == [10, -1]


@given(st.integers(0, 2**32 - 1), st.floats(-1.5, 1.5))
def test_lumping_members_changes_little(seed, where):
    rng = np.random.default_rng(seed)
    n = 2000
    store = rng.random(n) < 0.5
    high = rng.uniform(1e3, 1e4, n)
    capacity, charge = rng.uniform(0.5, 4, n) * high, rng.random(n)
    members = Flexibility(
        low=np.where(store, -high, 0.0),
        high=high,
        neutral=np.where(store, 0.0, high),
        weight=high,
        now=np.where(store, 0.0, high),
        ramp_per_s=np.where(rng.random(n) < 0.2, high / 100, np.inf),
        stored_wh=np.where(store, charge * capacity, np.nan),
        space_wh=np.where(store, (1 - charge) * capacity, np.nan),
    )
    schedule = Schedule(START, 3600, tuple(where * high.sum() * np.array([1, 0.8, 0.9, 0.5])))

    exact = np.array([p.value for p in deliverable(schedule, members)])
    few = lump(members, 400)
    lumped = np.array([p.value for p in deliverable(schedule, few)])

    assert few.low.size <= 430
    assert few.high.sum() == pytest.approx(high.sum())
    assert np.abs(exact - lumped).max() <= 0.02 * high.sum()
