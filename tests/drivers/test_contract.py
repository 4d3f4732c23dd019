"""Every registered driver keeps the contract; a bench per protocol brings real devices."""

import math
import time

import pytest

from derms.core.errors import DriverError
from derms.core.quantities import Quantity
from derms.southbound import registry
from derms.southbound.contract import (
    Command,
    CommandKind,
    CommandState,
    Driver,
    Measurement,
    NameplateReading,
    SettingsReading,
    Target,
)
from derms.southbound.drivers import build
from tests.drivers.benches import BENCHES

DRIVERS = {driver.protocol: type(driver) for driver in build()}


@pytest.fixture(params=sorted(DRIVERS))
async def bench(request, tmp_path):
    """A driver of each protocol, opened, with the fleet it can talk to."""
    driver = DRIVERS[request.param](timeout_s=0.3)
    async with BENCHES[request.param](tmp_path) as fleet:
        await driver.open()
        yield driver, fleet
        await driver.close()


def soon(seconds=3.0):
    return time.monotonic() + seconds


def test_every_registered_protocol_has_a_driver_and_a_bench():
    assert registry.protocols() == sorted(DRIVERS) == sorted(BENCHES)
    for protocol in DRIVERS:
        assert isinstance(registry.get(protocol), Driver)


def test_registry_refuses_a_second_driver_and_what_is_none():
    with pytest.raises(ValueError, match="already registered"):
        registry.register(build()[0])
    with pytest.raises(TypeError, match="contract"):
        registry.register(object())


async def test_answers_come_in_the_order_asked(bench):
    driver, fleet = bench
    targets = fleet.targets()

    there = await driver.read_many(targets, deadline=soon())
    back = await driver.read_many(targets[::-1], deadline=soon())

    assert all(isinstance(m, Measurement) for m in there)
    powers = [m.values.get(Quantity.SOC_PCT) for m in there]
    assert [m.values.get(Quantity.SOC_PCT) is None for m in back[::-1]] == [
        p is None for p in powers
    ]


async def test_measures_in_si_with_generation_positive(bench):
    driver, fleet = bench
    truth = fleet.truth()

    measured = await driver.read_many(fleet.targets(), deadline=soon())

    for device, reading in zip(truth, measured, strict=True):
        assert math.isclose(
            reading.values[Quantity.ACTIVE_POWER_W], device["p_w"], abs_tol=60, rel_tol=0.1
        )
        assert 45 < reading.values[Quantity.FREQUENCY_HZ] < 65
        assert abs(reading.measured_at_s - time.time()) < 5
        assert all(math.isfinite(v) for v in reading.values.values())


async def test_reads_nameplate_and_settings_as_built(bench):
    driver, fleet = bench

    plates = await driver.read_nameplates(fleet.targets(), deadline=soon())
    settings = await driver.read_settings(fleet.targets(), deadline=soon())

    for built, plate, setting in zip(fleet.built(), plates, settings, strict=True):
        assert isinstance(plate, NameplateReading)
        assert isinstance(setting, SettingsReading)
        assert plate.rated_w == pytest.approx(built["rated_w"], rel=0.01)
        assert (plate.rated_wh or 0) == pytest.approx(built["rated_wh"], rel=0.01)
        assert plate.serial_number == built["serial"]
        assert setting.max_w == pytest.approx(built["rated_w"], rel=0.01)


async def test_set_point_is_confirmed_by_reading_back(bench):
    driver, fleet = bench
    target, value = fleet.battery()
    command = Command(target, CommandKind.SET_ACTIVE_POWER, value, reversion_s=60)

    (receipt,) = await driver.write_many([command], deadline=soon())

    assert receipt.state is CommandState.ACTIVE
    assert receipt.sent_at_s == pytest.approx(time.time(), abs=5)
    assert fleet.set_point(target) == pytest.approx(value, abs=10)
    assert fleet.writes(target) == 1
    (seen,) = await driver.read_back([command], deadline=soon())
    assert seen.state is CommandState.ACTIVE
    other = Command(target, CommandKind.SET_ACTIVE_POWER, value + 100)
    (seen,) = await driver.read_back([other], deadline=soon())
    assert seen.state is CommandState.FAILED
    assert fleet.writes(target) == 1


async def test_release_gives_control_back(bench):
    driver, fleet = bench
    target, value = fleet.battery()
    await driver.write_many([Command(target, CommandKind.SET_ACTIVE_POWER, value)], deadline=soon())

    (receipt,) = await driver.write_many([Command(target, CommandKind.RELEASE)], deadline=soon())

    assert receipt.state is CommandState.COMPLETED
    assert fleet.set_point(target) is None


async def test_connect_and_disconnect_complete(bench):
    driver, fleet = bench
    target, _ = fleet.battery()

    for kind, in_service in ((CommandKind.DISCONNECT, False), (CommandKind.CONNECT, True)):
        (receipt,) = await driver.write_many([Command(target, kind)], deadline=soon())
        assert receipt.state is CommandState.COMPLETED
        assert fleet.permitted(target) is in_service


async def test_commands_of_one_device_keep_their_order(bench):
    driver, fleet = bench
    target, value = fleet.battery()
    commands = [
        Command(target, CommandKind.SET_ACTIVE_POWER, value * share) for share in (0.2, 0.9, 0.5)
    ]

    receipts = await driver.write_many(commands, deadline=soon())

    assert [r.state for r in receipts[-1:]] == [CommandState.ACTIVE]
    assert fleet.set_point(target) == pytest.approx(value * 0.5, abs=10)
    assert fleet.writes(target) == 3


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (math.nan, "not_a_number"),
        (math.inf, "not_a_number"),
        (1e9, "out_of_range"),
        (-1e9, "out_of_range"),
    ],
)
async def test_refuses_a_value_outside_the_device_before_sending(bench, value, code):
    driver, fleet = bench
    target, _ = fleet.battery()

    for kind in (
        CommandKind.SET_ACTIVE_POWER,
        CommandKind.LIMIT_ACTIVE_POWER,
        CommandKind.SET_REACTIVE_POWER,
    ):
        (receipt,) = await driver.write_many([Command(target, kind, value)], deadline=soon())
        assert (receipt.state, receipt.code) == (CommandState.REJECTED, code)
        assert receipt.sent_at_s is None
    assert fleet.writes(target) == 0


async def test_local_control_is_respected(bench):
    driver, fleet = bench
    target, value = fleet.battery()
    await fleet.fault(target, "local")

    (receipt,) = await driver.write_many(
        [Command(target, CommandKind.SET_ACTIVE_POWER, value)], deadline=soon()
    )
    (measured,) = await driver.read_many([target], deadline=soon())

    assert (receipt.state, receipt.code) == (CommandState.REJECTED, "local_control")
    assert measured.local_control is True
    assert fleet.writes(target) == 0


@pytest.mark.parametrize("fault", ["dead", "silent", "half", "short", "exception"])
async def test_a_bad_device_spoils_no_other_and_costs_one_time_out(bench, fault):
    driver, fleet = bench
    targets = fleet.targets()
    await driver.read_many(targets, deadline=soon())
    await fleet.fault(targets[0], fault)

    started = time.monotonic()
    measured = await driver.read_many(targets, deadline=soon())
    elapsed = time.monotonic() - started

    assert isinstance(measured[0], DriverError)
    assert all(isinstance(m, Measurement) for m in measured[1:])
    assert elapsed < 0.3 + 0.25
    await fleet.heal()
    healed = await driver.read_many(targets, deadline=soon())
    assert all(isinstance(m, Measurement) for m in healed)


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("dead", CommandState.FAILED),
        ("silent", CommandState.FAILED),
        ("ignore", CommandState.FAILED),
        ("exception", CommandState.FAILED),
    ],
)
async def test_a_command_a_device_does_not_take_is_not_called_taken(bench, fault, state):
    driver, fleet = bench
    target, value = fleet.battery()
    await driver.read_many([target], deadline=soon())
    await fleet.fault(target, fault)

    (receipt,) = await driver.write_many(
        [Command(target, CommandKind.SET_ACTIVE_POWER, value)], deadline=soon()
    )

    assert receipt.state is state
    assert fleet.set_point(target) is None


async def test_nothing_is_sent_after_the_deadline(bench):
    driver, fleet = bench
    target, value = fleet.battery()
    command = Command(target, CommandKind.SET_ACTIVE_POWER, value)

    (receipt,) = await driver.write_many([command], deadline=time.monotonic() - 0.001)

    assert receipt.state is CommandState.QUEUED
    assert fleet.writes(target) == 0


async def test_bad_address_is_an_answer_not_an_exception(bench):
    driver, _ = bench
    target = Target(1, "nonsense")
    command = Command(target, CommandKind.SET_ACTIVE_POWER, 1.0)

    (measured,) = await driver.read_many([target], deadline=soon())
    (receipt,) = await driver.write_many([command], deadline=soon())
    (seen,) = await driver.read_back([command], deadline=soon())

    assert isinstance(measured, DriverError)
    assert measured.permanent
    assert receipt.state is CommandState.REJECTED
    assert seen.state is CommandState.FAILED
