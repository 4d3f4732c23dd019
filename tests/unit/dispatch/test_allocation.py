import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.rules.allocation import allocate

finite = st.floats(-1e9, 1e9, allow_nan=False, allow_infinity=False)
span = st.floats(0, 1e9, allow_nan=False)
weights = st.one_of(st.just(0.0), st.floats(1e-3, 1e9))


@st.composite
def fleets(draw, *, max_size=40):
    n = draw(st.integers(1, max_size))
    low = np.array(draw(st.lists(finite, min_size=n, max_size=n)))
    high = low + np.array(draw(st.lists(span, min_size=n, max_size=n)))
    weight = np.array(draw(st.lists(weights, min_size=n, max_size=n)))
    start = np.array(draw(st.lists(finite, min_size=n, max_size=n)))
    return low, high, weight, start


def tolerance(target, low, high):
    return 1e-6 * abs(target) + 1e-9 * float(np.abs(low).sum() + np.abs(high).sum())


def reachable(low, high, weight, start):
    rest = np.clip(start, low, high)
    return (
        math.fsum(np.where(weight > 0, low, rest)),
        math.fsum(np.where(weight > 0, high, rest)),
    )


@given(fleets(), st.floats(-2, 3))
@settings(max_examples=400)
def test_sum_meets_the_target_or_every_limit_is_reached(fleet, where):
    low, high, weight, start = fleet
    least, most = reachable(low, high, weight, start)
    target = least + where * (most - least)

    got = allocate(target, low, high, weight, start=start)

    assert (got.set_points >= low).all()
    assert (got.set_points <= high).all()
    expected = min(max(target, least), most)
    assert math.fsum(got.set_points) == pytest.approx(expected, abs=tolerance(expected, low, high))
    assert got.total + got.shortfall == pytest.approx(target, abs=tolerance(target, low, high))


@given(fleets(), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=200)
def test_more_target_never_lowers_a_member(fleet, one, other):
    low, high, weight, start = fleet
    least, most = reachable(low, high, weight, start)
    lesser, greater = sorted((least + one * (most - least), least + other * (most - least)))

    before = allocate(lesser, low, high, weight, start=start).set_points
    after = allocate(greater, low, high, weight, start=start).set_points

    assert (after >= before - tolerance(greater, low, high)).all()


@given(fleets(), st.floats(-1, 2), st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_order_of_members_does_not_matter(fleet, where, random):
    low, high, weight, start = fleet
    target = float(low.sum() + where * (high.sum() - low.sum()))
    shuffled = list(range(low.size))
    random.shuffle(shuffled)

    straight = allocate(target, low, high, weight, start=start).set_points
    mixed = allocate(
        target, low[shuffled], high[shuffled], weight[shuffled], start=start[shuffled]
    ).set_points

    np.testing.assert_allclose(mixed, straight[shuffled], atol=tolerance(target, low, high))


@given(fleets(), st.floats(0, 1))
@settings(max_examples=200)
def test_free_members_move_alike_per_unit_of_weight(fleet, where):
    low, high, weight, start = fleet
    weight = np.maximum(weight, 1.0)
    start = np.clip(start, low, high)
    target = float(low.sum() + where * (high.sum() - low.sum()))

    got = allocate(target, low, high, weight, start=start)

    slack = tolerance(target, low, high)
    free = (got.set_points > low + slack) & (got.set_points < high - slack)
    moved = got.set_points - start
    np.testing.assert_allclose(moved[free], got.level * weight[free], atol=slack + 1e-6)


@given(fleets())
def test_mirrored_problem_has_the_mirrored_answer(fleet):
    low, high, weight, start = fleet
    target = float(0.3 * low.sum() + 0.7 * high.sum())

    straight = allocate(target, low, high, weight, start=start).set_points
    mirrored = allocate(-target, -high, -low, weight, start=-start).set_points

    np.testing.assert_allclose(-mirrored, straight, atol=tolerance(target, low, high))


def test_shares_in_proportion_to_capacity():
    got = allocate(600.0, [0, 0, 0], [1000, 2000, 3000], [1, 2, 3])

    assert got.set_points.tolist() == pytest.approx([100, 200, 300])
    assert got.shortfall == 0


def test_a_full_member_leaves_its_share_to_the_others():
    got = allocate(600.0, [0, 0, 0], [50, 2000, 3000], [1, 2, 3])

    assert got.set_points.tolist() == pytest.approx([50, 220, 330])


def test_moves_down_from_the_point_members_would_be_at():
    got = allocate(100.0, [0, -50], [80, 50], [100, 50], start=[80, 50])

    assert got.set_points.tolist() == pytest.approx([60, 40])
    assert got.level == pytest.approx(-0.2)


def test_reports_what_is_missing_with_its_sign():
    up = allocate(500.0, [0, 0], [100, 200], [1, 1])
    down = allocate(-500.0, [-100, -100], [100, 200], [1, 1])

    assert (up.total, up.shortfall) == (300, 200)
    assert (down.total, down.shortfall) == (-200, -300)


def test_uses_the_first_tier_before_the_second():
    got = allocate(150.0, [0, 0, 0], [100, 100, 100], [1, 1, 1], tier=[0, 1, 1])

    assert got.set_points.tolist() == pytest.approx([100, 25, 25])


def test_members_without_range_or_weight_stay():
    got = allocate(90.0, [10, 0, 5], [10, 100, 60], [1, 1, 0], start=[10, 0, 20])

    assert got.set_points.tolist() == pytest.approx([10, 60, 20])


def test_an_empty_group_delivers_nothing():
    got = allocate(5.0, [], [], [])

    assert (got.total, got.shortfall) == (0, 5)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e6, 1e12])
def test_scale_does_not_matter(scale):
    rng = np.random.default_rng(7)
    low, high = -rng.random(999) * scale, rng.random(999) * scale
    target = 0.37 * float(high.sum())

    got = allocate(target, low, high, rng.random(999))

    assert math.fsum(got.set_points) == pytest.approx(target, rel=1e-9)


def test_sizes_nine_decades_apart_still_add_up():
    high = np.logspace(0, 9, 500)
    target = float(high.sum()) * 0.9999

    got = allocate(target, np.zeros(500), high, np.ones(500))

    assert math.fsum(got.set_points) == pytest.approx(target, rel=1e-9)


@pytest.mark.parametrize(
    ("target", "low", "high", "weight"),
    [
        (math.nan, [0], [1], [1]),
        (math.inf, [0], [1], [1]),
        (1.0, [math.nan], [1], [1]),
        (1.0, [0], [math.inf], [1]),
        (1.0, [2], [1], [1]),
        (1.0, [0], [1], [-1]),
    ],
)
def test_refuses_numbers_that_make_no_sense(target, low, high, weight):
    with pytest.raises(ValueError, match=r"finite|limit"):
        allocate(target, low, high, weight)


@pytest.mark.parametrize("spread", [0.0, 1.0, 6.0])
@pytest.mark.parametrize("share", [1e-6, 0.2, 0.5, 0.999999, -0.3])
def test_large_fleets_match_the_conditions_of_the_optimum(spread, share):
    rng = np.random.default_rng(5)
    n = 60_000
    weight = np.exp(rng.normal(0, spread, n))
    low, high = -rng.random(n) * weight, rng.random(n) * weight
    start = rng.normal(0, 1, n) * weight
    target = share * float((high if share > 0 else -low).sum())

    got = allocate(target, low, high, weight, start=start)

    assert math.fsum(got.set_points) == pytest.approx(target, rel=1e-6)
    expected = np.clip(start + got.level * weight, low, high)
    np.testing.assert_allclose(got.set_points, expected, rtol=0, atol=1e-6 * weight.max())


def test_a_member_off_its_limits_waits_until_the_others_catch_up():
    got = allocate(100.0, [0, 80], [100, 100], [100, 100])

    assert got.set_points.tolist() == pytest.approx([20, 80])
