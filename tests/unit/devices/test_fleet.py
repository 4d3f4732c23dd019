import datetime as dt

import numpy as np
import pytest
import redis
from django.test import override_settings

from derms.core import clock, valkey
from derms.core.actors import SYSTEM
from derms.core.quantities import Quality, Quantity
from derms.devices import services, stream
from derms.devices.choices import ConnectionState, OperatingState
from derms.devices.fleet import RELOAD_S, Fleet
from derms.devices.models import LatestReading
from derms.devices.rules.readings import StatusBatch, microseconds
from tests.factories.devices import make_batch, make_device


@pytest.fixture(autouse=True)
def _clean_stream():
    valkey.client().delete(stream.KEY)


@pytest.fixture
def store(django_capture_on_commit_callbacks):
    def run(*batches):
        for batch in batches:
            with django_capture_on_commit_callbacks(execute=True):
                services.store_readings(batch)

    return run


@pytest.fixture
def loads(monkeypatch):
    """Count how often a fleet reads everything."""
    counted = []
    original = Fleet.load

    def load(self):
        counted.append(1)
        original(self)

    monkeypatch.setattr(Fleet, "load", load)
    return counted


@pytest.fixture
def devices(db):
    return [make_device() for _ in range(3)]


@pytest.fixture
def fleet(devices):
    fleet = Fleet()
    fleet.load()
    return fleet


def ids_of(devices):
    return np.array([device.pk for device in devices], dtype="int32")


def statuses(ids, *, at=None, **more):
    n = len(ids)
    values = {
        "connection": ConnectionState.CONNECTED,
        "operating": OperatingState.RUNNING,
        "alarm_bits": 0,
        "local_control": False,
    } | more
    dtypes = {"alarm_bits": "int64", "local_control": "bool"}
    return StatusBatch(
        device_id=np.asarray(ids, dtype="int32"),
        contact_at=np.full(n, microseconds(at or clock.now()), dtype="int64"),
        **{k: np.full(n, v, dtype=dtypes.get(k, "int16")) for k, v in values.items()},
    )


def test_loads_register_and_latest_values(devices):
    services.store_readings(make_batch(ids_of(devices), [1.0, 2.0, 3.0]))
    services.store_readings(make_batch(ids_of(devices[:1]), 44.0, quantity=Quantity.SOC_PCT))
    fleet = Fleet()

    fleet.load()

    where = fleet.index_of(ids_of(devices))
    assert fleet.p_w[where].tolist() == [1.0, 2.0, 3.0]
    assert fleet.soc_pct[where][0] == 44.0
    assert np.isnan(fleet.soc_pct[where][1:]).all()
    assert [fleet.columns.mrid[i] for i in where] == [device.mrid for device in devices]
    assert fleet.index_of(np.array([-1, 10**9, 0])).tolist() == [-1, -1, -1]


def test_refresh_takes_in_new_readings(fleet, devices, store, loads):
    store(make_batch(ids_of(devices), [1.0, 2.0, 3.0]))

    fleet.refresh()

    assert fleet.p_w.tolist() == [1.0, 2.0, 3.0]
    assert not fleet.stale().any()
    assert not loads


def test_refresh_keeps_the_newer_value(fleet, devices, store):
    now = clock.now()
    store(
        make_batch(ids_of(devices), 2.0, at=now),
        make_batch(ids_of(devices), 1.0, at=now - dt.timedelta(seconds=9)),
    )

    fleet.refresh()

    assert fleet.p_w.tolist() == [2.0] * 3


def test_refresh_takes_in_statuses_in_order(fleet, devices, django_capture_on_commit_callbacks):
    now = clock.now()
    with django_capture_on_commit_callbacks(execute=True):
        services.store_status(statuses(ids_of(devices), operating=OperatingState.FAULT, at=now))
        services.store_status(statuses(ids_of(devices), at=now - dt.timedelta(seconds=1)))

    fleet.refresh()

    assert fleet.columns.operating.tolist() == [OperatingState.FAULT] * 3
    assert not fleet.able().any()
    assert fleet.limits().max_w.tolist() == [0.0] * 3


def test_refresh_takes_in_new_and_changed_devices(
    fleet, devices, store, django_capture_on_commit_callbacks, loads
):
    before = fleet.index_of(ids_of(devices))
    with django_capture_on_commit_callbacks(execute=True):
        added = make_device(kind="pv")
        services.set_eligible(mrid=devices[0].mrid, eligible=False, reason="test", actor=SYSTEM)
    store(make_batch([added.pk], 700.0))

    fleet.refresh()

    assert fleet.index_of(ids_of(devices)).tolist() == before.tolist()
    where = fleet.index_of(np.array([added.pk]))[0]
    assert fleet.p_w[where] == 700.0
    assert fleet.columns.name[where] == added.name
    assert fleet.dispatchable().tolist() == [False, True, True, True]
    assert not loads


def test_stream_trimmed_meanwhile_leads_to_a_load(fleet, devices, store, loads):
    store(make_batch(ids_of(devices), 1.0))
    valkey.client().xtrim(stream.KEY, maxlen=0, approximate=False)
    store(make_batch(ids_of(devices), 2.0, quantity=Quantity.REACTIVE_POWER_VAR))

    fleet.refresh()

    assert len(loads) == 1
    assert fleet.p_w.tolist() == [1.0] * 3


def test_redis_that_forgot_leads_to_a_load(fleet, devices, store, loads):
    store(make_batch(ids_of(devices), 1.0))
    fleet.refresh()
    valkey.client().delete(stream.KEY)
    store(make_batch(ids_of(devices), 2.0, at=clock.now() + dt.timedelta(seconds=1)))

    fleet.refresh()
    fleet.refresh()

    assert len(loads) == 1
    assert fleet.p_w.tolist() == [2.0] * 3


def test_store_without_redis_is_seen_after_it_came_back(fleet, devices, store, loads):
    with override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        valkey.client.cache_clear()
        store(make_batch(ids_of(devices), 1.0))
    valkey.client.cache_clear()
    store(make_batch(ids_of(devices[:1]), 50.0, quantity=Quantity.SOC_PCT))

    fleet.refresh()

    assert len(loads) == 1
    assert fleet.p_w.tolist() == [1.0] * 3


def test_while_redis_is_away_the_database_is_read_with_pauses(fleet, devices, loads, monkeypatch):
    def away(*_args):
        raise redis.ConnectionError

    services.store_readings(make_batch(ids_of(devices), 1.0))
    monkeypatch.setattr(stream, "read_after", away)
    monkeypatch.setattr(stream, "tail", away)
    fleet._tried_at -= 6

    fleet.refresh()
    fleet.refresh()

    assert len(loads) == 1
    assert fleet.p_w.tolist() == [1.0] * 3


def test_loads_everything_now_and_then(fleet, devices, loads):
    LatestReading.objects.create(
        device=devices[0], quantity=1, measured_at=clock.now(), value=5.0, source=1
    )
    fleet.refresh()
    assert not loads

    fleet._loaded_at -= RELOAD_S + 1
    fleet.refresh()

    assert len(loads) == 1
    assert fleet.p_w[0] == 5.0


def test_goes_stale_and_good_by_age_and_quality(fleet, devices, store):
    now = clock.now()
    store(
        make_batch(ids_of(devices[:1]), 1.0, at=now - dt.timedelta(seconds=20)),
        make_batch(ids_of(devices[1:2]), 1.0, at=now, quality=Quality.QUESTIONABLE),
    )

    fleet.refresh()

    # Polled every 5 s, stale after three periods; the third never reported.
    assert fleet.stale(now).tolist() == [True, False, True]
    assert fleet.good(now).tolist() == [False, False, False]
    assert fleet.good(now - dt.timedelta(seconds=5)).tolist() == [True, False, False]


def test_limits_follow_state_of_charge(fleet, devices, store):
    store(make_batch(ids_of(devices), [3.0, 50.0, 100.0], quantity=Quantity.SOC_PCT))

    fleet.refresh()

    limits = fleet.limits()
    assert limits.max_w.tolist() == [0.0, 5000.0, 5000.0]
    assert limits.min_w.tolist() == [-5000.0, -5000.0, 0.0]
