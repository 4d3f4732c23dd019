import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.choices import CurveStyle
from dispatch.rules.schedule import Schedule, of_style

START = dt.datetime(2026, 3, 29, 0, 0, tzinfo=dt.UTC)


def at(seconds):
    return START + dt.timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "value"),
    [(-5, 10), (0, 10), (899.999999, 10), (900, 20), (1800, -30), (2699, -30), (5000, -30)],
)
def test_constant_value_holds_until_the_next_point(seconds, value):
    schedule = Schedule(START, 900, (10.0, 20.0, -30.0))

    assert schedule.value_at(at(seconds)) == value


@pytest.mark.parametrize(
    ("seconds", "value"),
    [(-5, 10), (0, 10), (450, 15), (900, 20), (1350, -5), (1800, -30), (9999, -30)],
)
def test_straight_line_is_linear_between_points(seconds, value):
    schedule = Schedule(START, 900, (10.0, 20.0, -30.0), straight_line=True)

    assert schedule.value_at(at(seconds)) == pytest.approx(value)


def test_counts_n_values_for_constant_and_n_plus_one_for_lines():
    constant = Schedule(START, 900, (1.0,) * 4)
    line = Schedule(START, 900, (1.0,) * 5, straight_line=True)

    assert constant.intervals == line.intervals == 4
    assert constant.end_at == line.end_at == at(3600)
    assert list(constant.starts()) == [at(0), at(900), at(1800), at(2700)]


def test_intervals_run_through_a_clock_change_unchanged():
    schedule = Schedule(START, 3600, tuple(map(float, range(24))))

    assert schedule.end_at - START == dt.timedelta(hours=24)
    assert schedule.value_at(at(1.5 * 3600)) == 1


@pytest.mark.parametrize(
    ("seconds", "change"), [(-1, 0), (0, 900), (899, 900), (900, 1800), (1799, 1800), (9999, 1800)]
)
def test_next_change_is_the_next_interval_or_the_end(seconds, change):
    schedule = Schedule(START, 900, (1.0, 2.0))

    assert schedule.next_change_at(at(seconds)) == at(change)


def test_a_line_is_held_as_a_staircase_through_its_middles():
    schedule = Schedule(START, 100, (0.0, 100.0), straight_line=True)

    assert [schedule.held_value(at(s), 10) for s in (0, 9, 10, 95, 200)] == pytest.approx(
        [5, 5, 15, 95, 100]
    )


@given(
    st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20),
    st.floats(1e-3, 1e5),
    st.booleans(),
    st.floats(-1, 3),
)
def test_every_value_lies_within_the_points(values, interval_s, straight, where):
    schedule = Schedule(START, interval_s, tuple(values), straight_line=straight)
    instant = START + where * (schedule.end_at - START)

    value = schedule.value_at(instant)

    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= value <= max(values) + slack
    assert START <= schedule.next_change_at(instant) <= schedule.end_at
    if instant < schedule.end_at:
        assert schedule.next_change_at(instant) > instant


@pytest.mark.parametrize(
    ("interval_s", "values", "straight"),
    [
        (900, (), False),
        (900, (1.0,), True),
        (0, (1.0,), False),
        (-1, (1.0,), False),
        (float("nan"), (1.0,), False),
        (1e12, (1.0,), False),
        (900, (float("nan"),), False),
        (900, (float("inf"),), False),
    ],
)
def test_refuses_what_is_no_schedule(interval_s, values, straight):
    with pytest.raises(ValueError, match=r"interval|value"):
        Schedule(START, interval_s, values, straight_line=straight)


def test_reads_the_curve_style_of_the_standard():
    line = of_style(
        start_at=START, interval_s=60, values=(0.0, 1.0), style=CurveStyle.STRAIGHT_LINE
    )

    assert line.straight_line
    with pytest.raises(ValueError, match="rampYValue"):
        of_style(start_at=START, interval_s=60, values=(0.0, 1.0), style="rampYValue")
