import pytest

from derms.config import overview
from derms.core import valkey
from derms.devices.fleet import get_fleet
from derms.devices.services import store_readings
from tests.factories import devices

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_overview_yet():
    valkey.client().delete("derms:overview")
    get_fleet.cache_clear()  # devices of other tests


def test_overview_is_busy_until_it_was_made_once(operator):
    reply = operator.get("/api/v1/overview")

    assert reply.status_code == 503
    assert reply.headers["Retry-After"] == "1"


def test_overview_sums_the_fleet_and_counts_the_rest(operator):
    battery = devices.make_device()
    devices.make_device(kind="pv")
    devices.make_device(lifecycle_state="retired", eligible=False)
    store_readings(devices.make_batch([battery.pk], -1200.0))

    overview.make_overview()
    row = operator.get("/api/v1/overview").json()

    assert row["active_power_w"] == -1200.0
    assert row["devices"]["total"] == 2
    assert (row["devices"]["good"], row["devices"]["stale"]) == (1, 1)
    assert row["devices"]["by_kind"]["pv"] == 1
    assert row["dispatches"] == {"active": 0, "scheduled": 0, "shortfall": 0, "error_w": 0.0}
    assert set(row["alarms"]) == {"1", "2", "3", "4"}


def test_system_page_tells_queues_outbox_and_shards(operator):
    row = operator.get("/api/v1/system").json()

    names = [q["name"] for q in row["queues"]]
    assert names == ["southbound", "status", "dispatch", "core", "push"]
    assert row["outbox"]["waiting"] == 0
    assert row["database_bytes"] > 1e6


def test_stranger_sees_neither(stranger, csr):
    assert stranger.get("/api/v1/overview").status_code == 401
    assert csr.get("/api/v1/system").status_code == 403
