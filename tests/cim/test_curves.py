import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from derms.cim.quantities import MULTIPLIERS
from derms.core.errors import DermsError
from dispatch.choices import CurveStyle, DerParameter
from dispatch.cim.curves import read_curve, scale_of
from dispatch.rules.request import MAX_VALUES
from tests.cim.messages import BASE, dispatch, schedule

START = dt.datetime(2030, 1, 31, 12, tzinfo=dt.UTC)


def element(xml):
    return etree.fromstring(f'<x xmlns="{BASE}DERGroupDispatches#">{xml}</x>')[0]


def curve(**more):
    return read_curve(element(schedule(**{"start": "2030-01-31T12:00:00Z"} | more)), 1.0)


def parameter(**more):
    return element(dispatch(**more)).find(".//{*}DERMonitorableParameter")


@pytest.mark.parametrize(
    ("more", "kind", "factor"),
    [
        ({}, "activePower", 1e3),
        ({"multiplier": "M"}, "activePower", 1e6),
        ({"multiplier": "none"}, "activePower", 1.0),
        ({"multiplier": "m"}, "activePower", 1e-3),
        ({"parameter": "reactivePower", "unit": "VAr"}, "reactivePower", 1e3),
        ({"parameter": "voltage", "unit": "V"}, "voltage", 1e3),
        ({"parameter": "increasingRampRate", "unit": "WPers"}, "increasingRampRate", 1e3),
        ({"flow": "forward"}, "activePower", 1e3),
        ({"flow": "reverse"}, "activePower", -1e3),
        ({"flow": "none"}, "activePower", 1e3),
    ],
)
def test_unit_and_direction_become_one_factor(more, kind, factor):
    assert scale_of(parameter(**more)) == (DerParameter(kind), pytest.approx(factor))


@pytest.mark.parametrize(
    "more",
    [
        {"unit": "V"},
        {"unit": "VAr"},
        {"parameter": "voltage"},
        {"flow": "q1plusQ4"},
        {"flow": "total"},
    ],
)
def test_refuses_a_unit_or_direction_that_does_not_fit(more):
    with pytest.raises(DermsError) as refused:
        scale_of(parameter(**more))

    assert refused.value.cim_code == "2.29"


def test_every_multiplier_of_the_schema_is_known():
    words = "E G M P T Y Z a c d da f h k m micro n none p y z"

    assert set(MULTIPLIERS) == set(words.split())


@pytest.mark.parametrize(
    ("unit", "duration", "seconds"),
    [
        ("s", 30, 30),
        ("m", 15, 900),
        ("h", 1, 3600),
        ("D", 2, 172800),
        ("M", 1, 28 * 86400),
        ("Y", 1, 365 * 86400),
    ],
)
def test_interval_lengths(unit, duration, seconds):
    assert curve(values=(1.0,), unit=unit, duration=duration).interval_s == seconds


def test_constant_has_one_point_per_interval_and_straight_line_one_more():
    constant = curve(values=(1.0, 2.0, 3.0))
    line = curve(values=(1.0, 2.0, 3.0), style="straightLineYValues")

    assert (constant.style, constant.values) == (CurveStyle.CONSTANT, (1.0, 2.0, 3.0))
    assert (line.style, line.values) == (CurveStyle.STRAIGHT_LINE, (1.0, 2.0, 3.0))
    assert constant.start_at == START


def test_gaps_are_held_or_interpolated():
    held = curve(values=(1.0, 4.0), numbers=[2, 5])
    line = curve(values=(1.0, 4.0), numbers=[1, 4], style="straightLineYValues")

    assert held.values == (1.0, 1.0, 1.0, 1.0, 4.0)
    assert line.values == (1.0, 2.0, 3.0, 4.0)


def test_points_come_in_any_order():
    assert curve(values=(3.0, 1.0, 2.0), numbers=[3, 1, 2]).values == (1.0, 2.0, 3.0)


def test_doubled_interval_numbers_are_taken_in_their_order():
    assert curve(values=(12.2, 12.35), numbers=[2, 2]).values == (12.2, 12.35)


def test_start_without_zone_is_read_in_the_zone_of_the_site(settings):
    settings.SITE_TIME_ZONE = "Europe/Berlin"

    assert curve(start="2030-07-01T12:00:00").start_at == dt.datetime(2030, 7, 1, 10, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"duration": 0}, "6.1"),
        ({"duration": -15}, "6.1"),
        ({"duration": 10**20}, "6.1"),
        ({"values": ("NaN",)}, "6.1"),
        ({"values": ("INF",)}, "6.1"),
        ({"values": ("-INF",)}, "6.1"),
        ({"start": "12026-01-01T00:00:00Z"}, "6.1"),
        ({"start": "9999-12-31T23:59:59-14:00"}, "6.1"),
        ({"numbers": [0, 1]}, "6.1"),
        ({"numbers": [1, -1]}, "6.1"),
        ({"numbers": [1, MAX_VALUES + 1]}, "3.1"),
        ({"values": (1.0,), "style": "straightLineYValues"}, "6.1"),
        ({"unit": "D", "duration": 2**30}, "6.1"),
        ({"unit": "M"}, "6.1"),
        ({"unit": "Y", "duration": 9000}, "6.1"),
    ],
)
def test_refuses_what_the_schema_lets_through(more, code):
    with pytest.raises(DermsError) as refused:
        curve(**more)

    assert refused.value.cim_code == code


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=50)
)
def test_values_survive_in_order(values):
    read = curve(values=tuple(map(repr, values)))

    assert read.values == tuple(values)
