import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derms.devices.choices import DeviceKind
from derms.devices.rules.limits import (
    Capability,
    KindCode,
    PresentState,
    active_power_bounds,
    reactive_power_bounds,
)

NAN = float("nan")


def capability(n=1, **more):
    values = {
        "kind": KindCode.BATTERY,
        "max_w": 5000,
        "max_charge_w": 4000,
        "max_va": 6000,
        "max_var_injected": 3000,
        "max_var_absorbed": 2000,
        "min_soc_pct": 10,
        "max_soc_pct": 90,
        "export_limit_w": np.inf,
        "import_limit_w": np.inf,
    } | more
    return Capability(
        **{k: np.full(n, v, "int16" if k == "kind" else "float64") for k, v in values.items()}
    )


def state(p_w=0.0, available_w=NAN, soc_pct=NAN, able=True):
    return PresentState(
        np.array([p_w], "float64"),
        np.array([available_w], "float64"),
        np.array([soc_pct], "float64"),
        np.array([able]),
    )


def test_codes_follow_the_choices():
    assert [KindCode[name].value for name in DeviceKind.names] == list(range(len(DeviceKind)))


@pytest.mark.parametrize(
    ("kind", "now", "expected"),
    [
        (KindCode.PV, {}, (0, 5000)),
        (KindCode.PV, {"available_w": 1200}, (0, 1200)),
        (KindCode.PV, {"available_w": 9000}, (0, 5000)),
        (KindCode.PV, {"available_w": -5}, (0, 0)),
        (KindCode.WIND, {"available_w": 300}, (0, 300)),
        (KindCode.BATTERY, {"soc_pct": 50}, (-4000, 5000)),
        (KindCode.BATTERY, {"soc_pct": 10}, (-4000, 0)),
        (KindCode.BATTERY, {"soc_pct": 90}, (0, 5000)),
        (KindCode.BATTERY, {}, (-4000, 5000)),
        (KindCode.EV_CHARGER, {"p_w": -2000}, (-2000, 0)),
        (KindCode.EV_CHARGER, {"p_w": -9000}, (-4000, 0)),
        (KindCode.LOAD, {"p_w": 0, "available_w": -1500}, (-1500, 0)),
        (KindCode.LOAD, {"p_w": NAN}, (-4000, 0)),
        (KindCode.LOAD, {"p_w": 100}, (0, 0)),
        (KindCode.GENSET, {}, (0, 5000)),
        (KindCode.OTHER, {}, (-4000, 5000)),
        (KindCode.BATTERY, {"soc_pct": 50, "able": False}, (0, 0)),
    ],
)
def test_active_power_by_kind(kind, now, expected):
    low, high = active_power_bounds(capability(kind=kind), state(**now))

    assert (low[0], high[0]) == expected


def test_agreed_limits_of_the_connection_point_bind():
    cap = capability(export_limit_w=1000, import_limit_w=500)

    low, high = active_power_bounds(cap, state(soc_pct=50))

    assert (low[0], high[0]) == (-500, 1000)


@pytest.mark.parametrize(
    ("p_w", "expected"),
    [(0, (-2000, 3000)), (6000, (0, 0)), (7000, (0, 0)), (-5900, (-1090.87, 1090.87))],
)
def test_reactive_power_inside_the_circle(p_w, expected):
    low, high = reactive_power_bounds(capability(), np.array([float(p_w)]), np.array([True]))

    assert (low[0], high[0]) == pytest.approx(expected, abs=0.01)


numbers = st.floats(0, 1e7)
maybe = st.one_of(st.just(NAN), st.floats(-1e7, 1e7))


@given(
    kind=st.sampled_from(list(KindCode)),
    max_w=numbers,
    max_charge_w=numbers,
    max_va=numbers,
    limits=st.tuples(numbers | st.just(np.inf), numbers | st.just(np.inf)),
    p_w=maybe,
    available_w=maybe,
    soc_pct=st.one_of(st.just(NAN), st.floats(0, 100)),
    able=st.booleans(),
)
def test_bounds_hold_whatever_a_device_says(
    kind, max_w, max_charge_w, max_va, limits, p_w, available_w, soc_pct, able
):
    cap = capability(
        kind=kind,
        max_w=max_w,
        max_charge_w=max_charge_w,
        max_va=max_va,
        export_limit_w=limits[0],
        import_limit_w=limits[1],
    )

    low, high = active_power_bounds(cap, state(p_w, available_w, soc_pct, able))
    q_low, q_high = reactive_power_bounds(cap, high, np.array([able]))

    assert -min(max_charge_w, limits[1]) <= low[0] <= 0 <= high[0] <= min(max_w, limits[0])
    assert q_low[0] <= 0 <= q_high[0]
    assert np.hypot(high[0], q_high[0]) <= max(max_va, high[0]) * (1 + 1e-9)
    assert not np.signbit(low[0]) or low[0] < 0
