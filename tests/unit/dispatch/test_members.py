import numpy as np
import pytest

from derms.devices.rules.limits import Capability, KindCode
from dispatch.rules.members import Readings, Register, assemble

KINDS = [KindCode.PV, KindCode.BATTERY, KindCode.LOAD, KindCode.GENSET]
FLOATS = [f for f in Capability.__dataclass_fields__ if f != "kind"]


def columns(*, reactive=False, available=(np.nan,) * 4, able=(True,) * 4, **more):
    n = len(KINDS)
    capability = {name: np.full(n, 1000.0) for name in FLOATS}
    capability |= {"min_soc_pct": np.full(n, 10.0), "max_soc_pct": np.full(n, 90.0)}
    register = Register(
        ids=np.arange(1, n + 1, dtype="int32"),
        capability=Capability(kind=np.array(KINDS, dtype="int16"), **capability | more),
        rated_wh=np.array([np.nan, 2000.0, np.nan, np.nan]),
        ramp_w_per_s=np.array([np.nan, np.nan, np.nan, 5.0]),
        poll_s=np.full(n, 5, dtype="int32"),
        dispatchable=np.ones(n, bool),
    )
    said = Readings(
        p_w=np.array([600.0, 0.0, -300.0, 0.0]),
        q_var=np.zeros(n),
        available_w=np.array(available, float),
        soc_pct=np.array([np.nan, 50.0, np.nan, np.nan]),
        able=np.array(able),
    )
    silent = np.zeros(n, bool)
    at = np.ones(n, "int64")
    return assemble(register, said, measured_at_us=at, silent=silent, reactive=reactive)


def test_each_kind_has_its_range_neutral_point_and_energy():
    got = columns()

    assert got.low.tolist() == [0, -1000, -300, 0]
    assert got.high.tolist() == [600, 1000, 0, 1000]
    assert got.neutral.tolist() == [600, 0, -300, 0]
    assert got.stored_wh[1] == got.space_wh[1] == pytest.approx(800)
    assert np.isnan(got.stored_wh[[0, 2, 3]]).all()
    assert got.ramp_per_s.tolist() == [np.inf, np.inf, np.inf, 5]
    assert got.guessed.tolist() == [True, False, True, False]


def test_reactive_power_uses_what_the_apparent_power_leaves():
    got = columns(reactive=True)

    assert got.high[0] == pytest.approx(800)
    assert got.neutral.tolist() == [0, 0, 0, 0]
    assert np.isinf(got.ramp_per_s).all()


def test_devices_that_are_not_able_are_not_usable():
    assert columns(able=(True, False, True, True)).usable.tolist() == [True, False, True, True]


def test_a_remembered_baseline_replaces_a_guess_only():
    got = columns().with_baseline(np.array([900.0, 50.0, -800.0, np.nan]))

    assert got.high.tolist() == [1000, 1000, 0, 1000]
    assert got.low.tolist() == [0, -1000, -800, 0]
    assert got.neutral.tolist() == [900, 0, -800, 0]
