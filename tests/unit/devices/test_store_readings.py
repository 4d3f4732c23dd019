import datetime as dt

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from derms.core import clock
from derms.core.quantities import Quality, Quantity
from derms.devices import selectors
from derms.devices.models import LatestReading, Reading
from derms.devices.rules.readings import microseconds
from derms.devices.services import ReadingBatch, store_readings
from tests.factories.devices import make_batch, make_device


@pytest.fixture
def device(db):
    return make_device()


def test_stores_history_and_latest(device):
    now = clock.now()

    result = store_readings(make_batch([device.pk], 1234.5, at=now))

    assert (result.stored, result.repeated, result.late, result.refused) == (1, 0, 0, [])
    reading = Reading.objects.get()
    assert (reading.device_id, reading.value, reading.measured_at) == (device.pk, 1234.5, now)
    assert LatestReading.objects.get().value == 1234.5


def test_late_reading_keeps_newer_value(device):
    now = clock.now()
    store_readings(make_batch([device.pk], 2.0, at=now))

    result = store_readings(make_batch([device.pk], 1.0, at=now - dt.timedelta(seconds=5)))

    assert (result.stored, result.late) == (1, 1)
    assert LatestReading.objects.get().value == 2.0
    assert Reading.objects.count() == 2


def test_repeated_reading_is_stored_once(device):
    batch = make_batch([device.pk], 1.0)
    store_readings(batch)

    result = store_readings(batch)

    assert (result.stored, result.repeated) == (0, 1)
    assert Reading.objects.count() == 1


def test_contradicting_repetition_changes_nothing(device):
    now = clock.now()
    store_readings(make_batch([device.pk], 1.0, at=now))

    result = store_readings(make_batch([device.pk], 99.0, at=now))

    assert (result.stored, result.repeated, result.late) == (0, 1, 1)
    assert Reading.objects.get().value == 1.0
    assert LatestReading.objects.get().value == 1.0


def test_refuses_bad_rows_and_stores_the_rest(device):
    now = clock.now()
    us = microseconds(now)
    batch = ReadingBatch(
        device_id=np.array([device.pk, 2**31 - 1, -1, *[device.pk] * 6], dtype="int32"),
        quantity=np.array([1, 1, 1, 1, 1, 1, 1, 77, 1], dtype="int16"),
        measured_at=np.array(
            [us, us, us, us, us, us + 61_000_000, us - 31 * 86_400_000_000, us, us - 1], "int64"
        ),
        value=np.array([1, 1, 1, np.nan, np.inf, 1, 1, 1, 1], dtype="float64"),
        quality=np.array([0, 0, 0, 0, 0, 0, 0, 0, 6], dtype="int16"),
        source=1,
    )

    result = store_readings(batch)

    assert result.stored == 1
    assert {refusal.code: refusal.rows.tolist() for refusal in result.refused} == {
        "unknown_device": [1, 2],
        "not_a_number": [3, 4],
        "in_the_future": [5],
        "too_old": [6],
        "unknown_quantity": [7],
        "unknown_quality": [8],
    }


def test_makes_partitions_for_days_nobody_foresaw(device):
    now = clock.now()
    days = [now - dt.timedelta(days=d) for d in (0, 3, 20)]
    batches = [make_batch([device.pk], float(i), at=day) for i, day in enumerate(days)]
    whole = ReadingBatch(
        *(np.concatenate(c) for c in zip(*(b.columns() for b in batches), strict=True)), source=1
    )
    repeated = whole.take(np.array([0, 0, 1, 2]))

    result = store_readings(repeated)

    assert (result.stored, result.repeated) == (3, 1)
    assert LatestReading.objects.get().value == 0.0


def test_empty_batch_is_fine(db):
    assert store_readings(make_batch([])).stored == 0


def test_stores_while_redis_is_away(device, settings, django_capture_on_commit_callbacks):
    from derms.core import valkey

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    valkey.client.cache_clear()

    with django_capture_on_commit_callbacks(execute=True):
        result = store_readings(make_batch([device.pk]))

    valkey.client.cache_clear()
    assert result.stored == 1


def test_newest_of_one_batch_becomes_latest(device):
    us = microseconds(clock.now())
    batch = ReadingBatch(
        device_id=np.full(4, device.pk, dtype="int32"),
        quantity=np.array([1, 1, 2, 1], dtype="int16"),
        measured_at=np.array([us - 1, us, us, us - 2]),
        value=np.array([1.0, 2.0, 3.0, 4.0]),
        quality=np.full(4, Quality.ESTIMATED, dtype="int16"),
        source=2,
    )

    store_readings(batch)

    latest = selectors.latest_columns(np.array([device.pk], dtype="int32"))
    assert (latest.p_w[0], latest.q_var[0], latest.quality[0]) == (2.0, 3.0, Quality.ESTIMATED)
    assert np.isnan(latest.soc_pct[0])
    assert LatestReading.objects.get(quantity=Quantity.ACTIVE_POWER_W).source == 2


def _tables():
    history = sorted(Reading.objects.values_list("device_id", "quantity", "measured_at", "value"))
    latest = sorted(
        LatestReading.objects.values_list("device_id", "quantity", "measured_at", "value")
    )
    return history, latest


readings = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([1, 2, 5]), st.integers(0, 5)),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(readings, min_size=1, max_size=5), data=st.data())
def test_order_of_batches_does_not_matter(db, batches, data):
    devices = [make_device().pk for _ in range(3)]
    start = microseconds(clock.now()) - 10_000_000

    def batch(rows):
        device, quantity, second = (np.array(column) for column in zip(*rows, strict=True))
        return ReadingBatch(
            device_id=np.array(devices, dtype="int32")[device],
            quantity=quantity.astype("int16"),
            measured_at=start + second * 1_000_000,
            # The value belongs to the reading: a repetition says the same.
            value=(device * 100 + quantity * 10 + second).astype("float64"),
            quality=np.zeros(len(rows), dtype="int16"),
            source=1,
        )

    def store(order):
        for rows in order:
            store_readings(batch(rows))
        result = _tables()
        Reading.objects.all().delete()
        LatestReading.objects.all().delete()
        return result

    expected = store(batches)
    assert store(data.draw(st.permutations(batches))) == expected
    shuffled = [data.draw(st.permutations(rows)) for rows in batches]
    assert store(shuffled) == expected
    history, latest = expected
    assert len(history) == len({row for rows in batches for row in rows})
    newest = {}
    for device, quantity, at, value in history:
        newest[device, quantity] = (at, value)
    assert {(d, q): (at, v) for d, q, at, v in latest} == newest
