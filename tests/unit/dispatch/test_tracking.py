import dataclasses

import numpy as np
import pytest

from dispatch.choices import TrackingState
from dispatch.rules.tracking import Members, correct, tracking_state

SEEDS = range(100)


class Fleet:
    """Devices with calibration errors, noise, dead and derated members; the loop's other half."""

    def __init__(self, seed, *, n=200, fault_share=0.3, sign=1.0):
        rng = self.rng = np.random.default_rng(seed)
        self.weight = rng.lognormal(9, 1, n).clip(1e3, 1e6)
        self.sign = sign
        fault = rng.choice(n, int(n * fault_share), replace=False)
        kinds = rng.integers(0, 3, fault.size)
        self.cap = np.where(rng.random(n) < 0.3, rng.uniform(0.7, 1, n), 1.0) * self.weight
        self.cap[fault[kinds == 0]] = 0.0
        self.cap[fault[kinds == 1]] *= rng.uniform(0.1, 0.9, (kinds == 1).sum())
        self.silent = np.zeros(n, bool)
        self.silent[fault[kinds == 2]] = True
        self.gain = rng.normal(1, 0.004, n)
        self.commanded = np.full(n, np.nan)
        self.output = np.zeros(n)
        self.held = np.zeros(n, bool)
        self.lost_before = True

    def capable(self):
        return float(self.cap[~self.silent].sum())

    def measure(self):
        noise = self.rng.normal(1, 0.003, self.output.size)
        return np.where(self.silent, np.nan, self.output * noise)

    def step(self, target):
        zero = np.zeros_like(self.weight)
        full = self.weight
        up = self.sign > 0
        got = correct(
            target,
            Members(
                low=zero if up else -full,
                high=full if up else zero,
                weight=self.weight,
                neutral=zero,
                commanded=self.commanded,
                measured=self.measure(),
                fresh=np.isfinite(self.commanded),
                silent=self.silent & np.isfinite(self.commanded).any(),
                refused=np.zeros_like(self.silent),
                held=self.held,
            ),
        )
        sent = np.isfinite(got.set_points)
        self.commanded = np.where(sent, got.set_points, self.commanded)
        self.held = got.held
        wanted = np.nan_to_num(self.commanded) * self.gain
        self.output = np.clip(wanted, -self.cap, self.cap) * ~self.silent
        return got

    def error(self, target):
        return (self.output.sum() - target) / target


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_closes_the_gap_of_dead_and_derated_members(sign):
    after = {k: [] for k in range(13)}
    for seed in SEEDS:
        fleet = Fleet(seed, sign=sign)
        target = sign * fleet.rng.uniform(0.3, 0.85) * fleet.capable()
        for errors in after.values():
            fleet.step(target)
            errors.append(fleet.error(target))

    open_loop, third, later = np.array(after[0]), np.array(after[3]), np.array(after[6])
    assert np.median(open_loop) < -0.1
    assert np.abs(third).max() <= 0.01
    assert np.percentile(np.abs(later), 95) <= 0.005
    assert max(np.max(errors) for errors in after.values()) <= 0.02


def test_reports_shortfall_when_the_headroom_is_gone():
    fleet = Fleet(3)
    target = 1.3 * fleet.capable()

    for _ in range(8):
        got = fleet.step(target)

    assert got.missing > 0.15 * target
    assert got.headroom < 0.001 * target
    assert fleet.output.sum() == pytest.approx(fleet.capable(), rel=0.02)
    assert state(target, fleet.output.sum(), got.headroom) is TrackingState.SHORTFALL


def test_takes_recovered_members_back_slowly():
    fleet = Fleet(5)
    target = 0.9 * fleet.capable()
    for _ in range(6):
        fleet.step(target)
    held = fleet.held.sum()

    fleet.cap = fleet.weight.copy()
    fleet.silent[:] = False
    errors = []
    for _ in range(150):
        got = fleet.step(target)
        errors.append(fleet.error(target))

    assert held > 40
    assert got.held.sum() < 0.1 * held
    assert max(map(abs, errors)) < 0.02


def test_does_not_wind_up_during_a_long_shortfall():
    fleet = Fleet(8, fault_share=0.0)
    for _ in range(50):
        fleet.step(1.5 * fleet.capable())

    target = 0.5 * fleet.capable()
    errors = [fleet.step(target) and fleet.error(target) for _ in range(3)]

    assert abs(errors[0]) < 0.02
    assert abs(errors[-1]) < 0.005


def test_follows_a_cloud_over_solar_members():
    fleet = Fleet(11, fault_share=0.0)
    target = 0.55 * fleet.capable()
    solar = np.arange(fleet.weight.size) % 2 == 0
    errors = []
    for k in range(40):
        shade = 1 - 0.7 * np.sin(np.pi * k / 40)
        fleet.cap = np.where(solar, shade, 1.0) * fleet.weight
        fleet.step(target)
        errors.append(fleet.error(target))

    assert max(errors) <= 0.02
    assert np.percentile(np.abs(errors[3:]), 90) < 0.03


def one(**more):
    base = {
        "low": [0.0, 0.0],
        "high": [100.0, 100.0],
        "weight": [100.0, 100.0],
        "neutral": [0.0, 0.0],
        "commanded": [50.0, 50.0],
        "measured": [50.0, 50.0],
        "fresh": [True, True],
        "silent": [False, False],
        "refused": [False, False],
        "held": [False, False],
    }
    return Members(**{k: np.array(more.get(k, v)) for k, v in base.items()})


@pytest.mark.parametrize(
    ("case", "set_points", "held"),
    [
        ({"commanded": [np.nan, np.nan]}, [50, 50], [0, 0]),
        ({}, [50, 50], [0, 0]),
        ({"measured": [50, 49]}, [50.5, 50.5], [0, 0]),
        ({"measured": [50, 10]}, [90, 10], [0, 1]),
        ({"silent": [False, True]}, [100, np.nan], [0, 1]),
        ({"measured": [50, 80]}, [20, np.nan], [0, 0]),
        ({"measured": [50, 10], "fresh": [True, False]}, [50, 50], [0, 0]),
        (
            {"measured": [50, 10], "fresh": [True, False], "refused": [False, True]},
            [90, 10],
            [0, 1],
        ),
        ({"commanded": [90, 10], "measured": [90, 10], "held": [False, True]}, [90, 10], [0, 1]),
    ],
)
def test_one_round_by_hand(case, set_points, held):
    got = correct(100.0, one(**case), probe=False)

    np.testing.assert_allclose(got.set_points, set_points)
    assert got.held.tolist() == [bool(h) for h in held]


def test_a_probe_is_small_and_not_counted_upon():
    members = one(commanded=[90.0, 10.0], measured=[90.0, 10.0], held=[False, True])

    got = correct(100.0, members)

    assert got.set_points.tolist() == pytest.approx([90, 10.5])
    assert got.expected == pytest.approx(100)


def test_a_member_that_ignores_us_is_only_asked_for_more():
    got = correct(190.0, one(commanded=[50.0, 50.0], measured=[50.0, 80.0]), probe=False)

    assert got.set_points.tolist() == pytest.approx([95, 95])


def test_a_held_member_level_with_the_rest_is_held_no_more():
    members = one(commanded=[50.2, 49.8], measured=[50.2, 49.8], held=[False, True])

    got = correct(100.0, members)

    assert not got.held.any()


def test_no_state_is_hidden_between_rounds():
    fleet, twin = Fleet(2), Fleet(2)
    for _ in range(3):
        fleet.step(1e6)
        twin.step(1e6)
    for field in ("commanded", "held"):
        setattr(twin, field, getattr(fleet, field).copy())

    np.testing.assert_array_equal(fleet.step(1e6).set_points, twin.step(1e6).set_points)
    assert all(f.name != "state" for f in dataclasses.fields(Members))


def state(target, measured, headroom, *, settled=True):
    return tracking_state(
        target=target, measured=measured, rating=1000.0, headroom=headroom, settled=settled
    )


@pytest.mark.parametrize(
    ("target", "measured", "headroom", "settled", "expected"),
    [
        (100, 100, 0, True, TrackingState.TRACKING),
        (100, 98, 0, True, TrackingState.TRACKING),
        (100, 97.9, 0, True, TrackingState.SHORTFALL),
        (100, 97.9, 50, True, TrackingState.RAMPING),
        (100, 97.9, 0, False, TrackingState.RAMPING),
        (100, 103, 50, True, TrackingState.OVERSHOOT),
        (100, 103, 50, False, TrackingState.RAMPING),
        (-100, -97, 0, True, TrackingState.SHORTFALL),
        (-100, -103, 10, True, TrackingState.OVERSHOOT),
        (0, 0.9, 0, True, TrackingState.TRACKING),
        (0, 1.1, 0, True, TrackingState.OVERSHOOT),
        (0, -1.1, 0, True, TrackingState.SHORTFALL),
    ],
)
def test_tracking_state_table(target, measured, headroom, settled, expected):
    assert state(target, measured, headroom, settled=settled) is expected
