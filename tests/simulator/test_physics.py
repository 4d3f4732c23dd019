"""What the plants may and may not do."""

import numpy as np
import pytest

from derms.southbound.simulator.sources import EFFICIENCY, GENSET_MIN_SHARE, MIN_SOC
from tests.simulator.conftest import control

DT_S = 0.25


def rows_of(simulator, kind):
    return simulator.plant.sources.rows[kind]


def run(simulator, seconds):
    for _ in range(round(seconds / DT_S)):
        simulator.step(DT_S)


def test_battery_conserves_energy(build):
    simulator = build(devices=20, mix={"battery": 1}, speed=200.0)
    rng = np.random.default_rng(3)
    plant = simulator.plant
    before = plant.sources.stored_wh.copy()

    for _ in range(60):
        for row in range(20):
            control(simulator, row, m704_WSet=rng.uniform(-1, 1) * plant.base_w[row])
            control(simulator, row, m704_WSetEna=1)
        run(simulator, 3)

    expected = before + plant.wh_absorbed * EFFICIENCY - plant.wh_injected / EFFICIENCY
    assert plant.wh_injected.min() > 0
    assert plant.wh_absorbed.min() > 0
    np.testing.assert_allclose(plant.sources.stored_wh, expected, rtol=1e-9)


@pytest.mark.parametrize("share", [1.0, -1.0])
def test_battery_stops_at_the_ends_of_its_band(build, share):
    simulator = build(devices=10, mix={"battery": 1}, speed=600.0)
    plant = simulator.plant
    for row in range(10):
        control(simulator, row, m704_WSet=share * plant.base_w[row], m704_WSetEna=1)

    lowest = highest = plant.sources.stored_wh / plant.sources.rated_wh
    for _ in range(400):
        simulator.step(DT_S)
        soc = plant.sources.stored_wh / plant.sources.rated_wh
        lowest, highest = np.minimum(lowest, soc), np.maximum(highest, soc)

    assert lowest.min() >= MIN_SOC - 1e-9
    assert highest.max() <= 1 + 1e-9
    assert (highest.max() > 0.98) if share < 0 else (lowest.min() < MIN_SOC + 0.02)
    assert np.abs(plant.p_w).max() < 0.1 * plant.base_w.max()


def test_no_device_leaves_its_limits_whatever_is_asked(build):
    simulator = build(devices=120, seed=5, speed=20.0)
    plant, rng = simulator.plant, np.random.default_rng(11)
    c = plant.controls

    for _ in range(40):
        for row in range(120):
            charge = plant.sources.charge_w[row]
            control(
                simulator,
                row,
                m704_WSet=rng.uniform(-max(charge, 1000), plant.base_w[row]),
                m704_WSetEna=rng.integers(2),
                m704_WMaxLimPct=rng.integers(0, 101),
                m704_WMaxLimPctEna=rng.integers(2),
                m704_VarSet=rng.uniform(-1, 1) * plant.base_w[row],
                m704_VarSetEna=rng.integers(2),
                m704_VarSetPri=rng.integers(2),
                m702_VAMax=rng.uniform(0.7, 1.0) * plant.base_w[row],
            )
        for _ in range(12):
            simulator.step(DT_S)
            assert (plant.p_w <= plant.sources.rated_w + 1e-6).all()
            assert (plant.p_w >= -plant.sources.charge_w - 1e-6).all()
            assert (np.hypot(plant.p_w, plant.q_var) <= c["702.VAMax"] * (1 + 1e-9)).all()
            sun = rows_of(simulator, "pv")
            assert (plant.p_w[sun] <= plant.sources.high_w[sun] + 1e-6).all()


def test_power_follows_a_set_point_at_the_ramp_of_the_device(build):
    simulator = build(devices=12, mix={"battery": 1})
    plant = simulator.plant
    for row in range(12):
        control(simulator, row, m704_WSet=0.9 * plant.base_w[row], m704_WSetEna=1)

    before = plant.p_w.copy()
    for _ in range(12):
        simulator.step(DT_S)
        assert (np.abs(plant.p_w - before) <= plant.ramp_w_per_s * DT_S + 1e-6).all()
        before = plant.p_w.copy()

    assert (plant.p_w < 0.9 * plant.base_w).all()
    run(simulator, 4)
    np.testing.assert_allclose(plant.p_w, 0.9 * plant.base_w, rtol=0.01)


def test_a_slower_ramp_can_be_set(build):
    simulator = build(devices=1, mix={"battery": 1})
    plant = simulator.plant
    control(simulator, 0, m704_WRmp=2)
    control(simulator, 0, m704_WSet=plant.base_w[0], m704_WSetEna=1)

    start = plant.p_w[0]
    run(simulator, 5)

    assert plant.p_w[0] - start == pytest.approx(0.10 * plant.base_w[0], rel=1e-6)


def test_limit_curtails_pv_and_available_power_stays_readable(build):
    simulator = build(devices=4, mix={"pv": 1}, sun="0.8")
    plant = simulator.plant
    run(simulator, 1)
    free = plant.p_w.copy()

    for row in range(4):
        control(simulator, row, m704_WMaxLimPct=30, m704_WMaxLimPctEna=1)
    run(simulator, 12)

    np.testing.assert_allclose(plant.p_w, 0.3 * plant.base_w, rtol=1e-6)
    values = simulator.publisher._measurements()
    np.testing.assert_allclose(plant.p_w + values["701.ThrotPct"] / 100 * plant.base_w, free)
    assert (values["701.InvSt"] == 4).all()
    assert (values["701.ThrotSrc"] == 1).all()


def test_limit_holds_back_an_ev_charger(build):
    simulator = build(devices=30, mix={"ev_charger": 1})
    plant = simulator.plant
    run(simulator, 2)
    charging = plant.p_w < 0
    assert charging.sum() > 10
    np.testing.assert_allclose(plant.p_w[charging], -plant.sources.charge_w[charging])

    for row in range(30):
        control(simulator, row, m704_WMaxLimPct=40, m704_WMaxLimPctEna=1)
    run(simulator, 12)

    assert (plant.p_w >= -0.4 * plant.sources.charge_w - 1e-6).all()


def test_cars_come_charge_and_leave(build):
    simulator = build(devices=40, mix={"ev_charger": 1}, speed=600.0)
    sources = simulator.plant.sources
    seen = []

    for _ in range(120):
        simulator.step(DT_S)
        seen.append(sources.car_in.copy())
        assert (sources.car_need_wh >= 0).all()

    changes = np.diff(np.array(seen).astype(int), axis=0)
    assert (changes == 1).any()
    assert (changes == -1).any()
    assert simulator.plant.wh_absorbed.sum() > 0
    assert simulator.plant.wh_injected.sum() == 0


def test_load_can_be_curtailed_but_not_below_its_firm_part(build):
    simulator = build(devices=5, mix={"load": 1})
    plant = simulator.plant
    run(simulator, 1)
    free = plant.p_w.copy()
    for row in range(5):
        control(simulator, row, m704_WSet=0, m704_WSetEna=1)

    run(simulator, 15)

    np.testing.assert_allclose(plant.p_w, plant.high_w)
    assert (plant.p_w > 0.6 * free).all()
    assert (plant.p_w < 0).all()


def test_genset_starts_late_and_never_runs_below_its_least_power(build):
    simulator = build(devices=1, mix={"genset": 1})
    plant = simulator.plant
    control(simulator, 0, m704_WSet=0.25 * plant.base_w[0], m704_WSetEna=1)

    run(simulator, 19)
    assert plant.p_w[0] == 0
    assert simulator.publisher.states()[0][0] == 2
    run(simulator, 15)

    assert plant.p_w[0] == pytest.approx(GENSET_MIN_SHARE * plant.base_w[0])
    control(simulator, 0, m704_WSetEna=0)
    run(simulator, 15)
    assert plant.p_w[0] == 0


def test_a_limit_below_its_least_power_stops_a_genset(build):
    simulator = build(devices=1, mix={"genset": 1})
    plant = simulator.plant
    control(simulator, 0, m704_WSet=0.8 * plant.base_w[0], m704_WSetEna=1)
    run(simulator, 45)
    assert plant.p_w[0] == pytest.approx(0.8 * plant.base_w[0])

    control(simulator, 0, m704_WMaxLimPct=20, m704_WMaxLimPctEna=1)
    run(simulator, 30)

    assert plant.p_w[0] == 0


def test_reactive_power_by_mode_and_priority(build):
    simulator = build(devices=1, mix={"battery": 1})
    plant, c = simulator.plant, simulator.controls
    control(simulator, 0, m704_VarSetMod=1, m704_VarSetPct=-50, m704_VarSetEna=1)
    run(simulator, 10)
    assert plant.q_var[0] == pytest.approx(-0.5 * c["702.VarMaxAbs"][0])

    control(simulator, 0, m704_WSet=plant.base_w[0], m704_WSetEna=1, m704_VarSetPct=100)
    run(simulator, 15)
    assert plant.p_w[0] == pytest.approx(plant.base_w[0])
    control(simulator, 0, m702_VAMax=plant.base_w[0], m704_VarSetPri=1)
    run(simulator, 15)

    assert plant.q_var[0] == pytest.approx(c["702.VarMaxInj"][0])
    assert np.hypot(plant.p_w[0], plant.q_var[0]) == pytest.approx(plant.base_w[0])


def test_active_power_comes_first_in_the_circle_unless_told_otherwise(build):
    simulator = build(devices=1, mix={"battery": 1})
    plant = simulator.plant
    control(simulator, 0, m702_VAMax=plant.base_w[0])
    control(simulator, 0, m704_VarSet=0.4 * plant.base_w[0], m704_VarSetEna=1)
    control(simulator, 0, m704_WSet=0.95 * plant.base_w[0], m704_WSetEna=1)

    run(simulator, 15)

    assert plant.p_w[0] == pytest.approx(0.95 * plant.base_w[0])
    assert plant.q_var[0] == pytest.approx(np.sqrt(1 - 0.95**2) * plant.base_w[0])


def test_fixed_power_factor_when_injecting(build):
    simulator = build(devices=1, mix={"battery": 1})
    plant = simulator.plant
    control(simulator, 0, m704_WSet=0.6 * plant.base_w[0], m704_WSetEna=1)
    simulator.controls.preset("704.PFWInj.PF", 0.9)
    simulator.controls.preset("704.PFWInj.Ext", 1.0)
    control(simulator, 0, m704_PFWInjEna=1)

    run(simulator, 10)

    assert plant.q_var[0] == pytest.approx(
        -0.6 * plant.base_w[0] * np.tan(np.arccos(0.9)), rel=0.01
    )


def test_set_point_reverts_by_the_clock_of_the_device(build):
    simulator = build(devices=2, mix={"battery": 1})
    plant, c = simulator.plant, simulator.controls
    plant.clock_rate[1] = 2.0
    for row in (0, 1):
        control(simulator, row, m704_WSet=0.5 * plant.base_w[row], m704_WSetRvrtTms=10)
        control(simulator, row, m704_WSetEna=1)

    run(simulator, 6)
    assert list(c["704.WSetEna"]) == [1, 0]
    run(simulator, 4)

    assert list(c["704.WSetEna"]) == [0, 0]
    assert list(c["704.WSet"]) == [0, 0]
    run(simulator, 5)
    np.testing.assert_allclose(plant.p_w, plant.natural_w)


def test_reversion_can_fall_back_on_another_limit(build):
    simulator = build(devices=1, mix={"pv": 1}, sun="1.0")
    plant = simulator.plant
    control(simulator, 0, m704_WMaxLimPct=20, m704_WMaxLimPctRvrt=60)
    control(simulator, 0, m704_WMaxLimPctEnaRvrt=1, m704_WMaxLimPctRvrtTms=5)
    control(simulator, 0, m704_WMaxLimPctEna=1)

    run(simulator, 20)

    assert plant.p_w[0] == pytest.approx(0.6 * plant.base_w[0])


def test_a_renewed_set_point_does_not_revert(build):
    simulator = build(devices=1, mix={"battery": 1})
    control(simulator, 0, m704_WSetRvrtTms=4, m704_WSet=1000, m704_WSetEna=1)

    for _ in range(5):
        run(simulator, 3)
        control(simulator, 0, m704_WSet=1000)

    assert simulator.controls["704.WSetEna"][0] == 1


def test_without_permit_power_ceases_at_once_and_returns_slowly(build):
    simulator = build(devices=1, mix={"pv": 1}, sun="0.8")
    plant = simulator.plant
    run(simulator, 1)
    free = plant.p_w[0]
    control(simulator, 0, m703_ES=0)
    simulator.step(DT_S)
    assert plant.p_w[0] == 0
    assert simulator.publisher._measurements()["701.ConnSt"][0] == 0

    control(simulator, 0, m703_ES=1)
    run(simulator, 2)
    assert plant.p_w[0] == 0
    assert simulator.publisher.states()[0][0] == 2
    run(simulator, 3)

    assert 0 < plant.p_w[0] < free
    run(simulator, 15)
    assert plant.p_w[0] == pytest.approx(free)


@pytest.mark.parametrize(("operation", "state", "connected"), [(0, 0, 0), (2, 7, 1)])
def test_stop_and_standby_ramp_down(build, operation, state, connected):
    simulator = build(devices=1, mix={"pv": 1}, sun="0.8")
    plant = simulator.plant
    run(simulator, 1)
    control(simulator, 0, m715_OpCtl=operation)
    simulator.step(DT_S)
    assert plant.p_w[0] > 0
    assert simulator.publisher.states()[0][0] == 5

    run(simulator, 12)

    values = simulator.publisher._measurements()
    assert plant.p_w[0] == 0
    assert values["701.InvSt"][0] == state
    assert values["701.ConnSt"][0] == connected


def test_clouds_move_over_the_feeders(build):
    simulator = build(devices=200, mix={"pv": 1})
    weather = simulator.plant.weather
    times = 1_750_000_000.0 + np.arange(0, 7200, 30.0)

    sun = np.array([weather.sun(at) for at in times])

    assert sun.min() >= 0.2
    assert sun.max() <= 1.0
    assert sun.std(axis=0).mean() > 0.02
    feeder = np.array([d.feeder for d in simulator.devices])
    with_neighbour = np.corrcoef(sun[:, feeder == 0].mean(1), sun[:, feeder == 1].mean(1))[0, 1]
    inside = np.corrcoef(sun[:, feeder == 0][:, :2].T)[0, 1]
    assert inside > with_neighbour
    assert with_neighbour < 1


def test_clear_sky_has_night_noon_and_seasons(build):
    simulator = build(devices=1, mix={"pv": 1}, sun="clear-sky", latitude=50.0)
    weather = simulator.plant.weather
    june, december = 1_750_464_000.0, 1_766_275_200.0

    assert weather._clear_sky(june) == 0
    assert weather._clear_sky(june + 43_200) == pytest.approx(0.92, abs=0.04)
    assert 0.1 < weather._clear_sky(december + 43_200) < 0.35
