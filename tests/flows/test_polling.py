"""From the registers of simulated devices to readings, links and alarms, over real TCP."""

import threading
import time

import pytest
from django.db import connection

from derms.alarms.models import Alarm
from derms.core.quantities import Quantity
from derms.devices.models import DeviceSettings, DeviceStatus, LatestReading, Nameplate
from derms.southbound import gateway, runtime, selectors, services
from derms.southbound.models import DeviceLink, ShardRun
from tests.factories.wires import register, running_fleet

pytestmark = pytest.mark.django_db(transaction=True)
RATE_S = 2


@pytest.fixture
def fleet(tmp_path, transactional_db):
    mix = "pv=1,battery=1,load=1"
    with running_fleet(tmp_path, "--poll-interval", "2", count=12, mix=mix) as simulator:
        yield register(simulator)
        runtime.stop()
        gateway.forget_breakers()


def poll_all(settings, rate_s=RATE_S):
    return sum(services.poll_shard(shard, rate_s) for shard in range(settings.SOUTHBOUND_SHARDS))


def alarms(**wanted):
    return Alarm.objects.filter(cleared_at=None, **wanted)


def test_poll_stores_what_every_device_measures(fleet, settings):
    assert poll_all(settings) == 12

    assert DeviceStatus.objects.filter(connection=2).count() == 12
    powers = LatestReading.objects.filter(quantity=Quantity.ACTIVE_POWER_W)
    assert powers.count() == 12
    truth = {row["name"]: row["p_w"] for row in fleet.ask("state")["devices"]}
    for device in fleet.devices:
        assert powers.get(device=device).value == pytest.approx(
            truth[device.name], abs=500, rel=0.3
        )
    batteries = sum(device.kind == "battery" for device in fleet.devices)
    assert LatestReading.objects.filter(quantity=Quantity.SOC_PCT).count() == batteries
    assert set(selectors.link_states([d.id for d in fleet.devices])) == {"up"}


def test_first_contact_reads_settings_and_completes_the_nameplate(fleet, settings):
    poll_all(settings)

    assert DeviceSettings.objects.exclude(read_at=None).count() == 12
    for row in fleet.rows:
        plate = Nameplate.objects.get(device__mrid=row["mrid"])
        assert plate.serial_number == row["serial_number"]
        assert plate.device.settings.max_w == pytest.approx(float(row["rated_w"]), rel=0.01)
    read_at = set(DeviceSettings.objects.values_list("read_at", flat=True))
    poll_all(settings)
    assert set(DeviceSettings.objects.values_list("read_at", flat=True)) == read_at


def test_other_rates_are_left_alone(fleet, settings):
    assert poll_all(settings, rate_s=15) == 0
    assert not LatestReading.objects.exists()


def test_loss_of_communication_is_debounced_alarmed_and_cleared(fleet, settings):
    poll_all(settings)
    lost = fleet.devices[0]
    fleet.ask("fault", fault="dead", device=lost.name)

    poll_all(settings)
    poll_all(settings)
    assert DeviceLink.objects.get(device=lost).state == "degraded"
    assert not alarms().exists()
    poll_all(settings)

    assert DeviceLink.objects.get(device=lost).state == "down"
    assert alarms(kind="comms_lost").get().source_mrid == lost.mrid
    for _ in range(3):
        poll_all(settings)
    assert alarms(kind="comms_lost").get().count == 1
    fleet.ask("clear")
    gateway.forget_breakers()
    poll_all(settings)
    assert DeviceLink.objects.get(device=lost).state == "up"
    assert not alarms().exists()


def test_dead_devices_delay_no_other_and_soon_cost_nothing(fleet, settings):
    poll_all(settings)
    for device in fleet.devices[:6]:
        fleet.ask("fault", fault="silent", device=device.name)
    shard = fleet.devices[0].id % settings.SOUTHBOUND_SHARDS

    durations = []
    for _ in range(4):
        begun = time.monotonic()
        services.poll_shard(shard, RATE_S)
        durations.append(time.monotonic() - begun)

    assert max(durations[:3]) < settings.SOUTHBOUND_TIMEOUT_S + 0.5
    assert durations[3] < 0.5


def test_fault_of_a_device_is_alarmed_and_cleared(fleet, settings):
    poll_all(settings)
    fleet.ask("fault", fault="trip", device=fleet.devices[1].name)
    time.sleep(0.6)  # the simulator's physics runs four times a second

    poll_all(settings)
    assert alarms(kind="device_fault").get().source_name == fleet.devices[1].name
    fleet.ask("clear")
    time.sleep(0.6)
    poll_all(settings)

    assert not alarms().exists()


def test_run_that_meets_another_counts_an_overrun_and_leaves(fleet, settings):
    fleet.ask("fault", fault="slow", value=0.3, devices=[d.name for d in fleet.devices])
    results = []

    def poll():
        results.append(services.poll_shard(0, RATE_S))
        connection.close()

    threads = [threading.Thread(target=poll) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results)[0] == -1
    assert sorted(results)[1] >= 0
    assert ShardRun.objects.get(shard=0, rate_s=RATE_S).overruns >= 1


def test_slow_devices_cannot_hold_a_run_beyond_its_period(fleet, settings, monkeypatch):
    monkeypatch.setattr(settings, "SOUTHBOUND_POLL_RATES_S", [1])
    fleet.ask("fault", fault="slow", value=0.95, devices=[d.name for d in fleet.devices])

    poll_all(settings, rate_s=1)
    poll_all(settings, rate_s=1)

    run = ShardRun.objects.filter(rate_s=1, devices__gt=0).first()
    assert run.duration_ms <= 1500
    assert run.answered < run.devices
