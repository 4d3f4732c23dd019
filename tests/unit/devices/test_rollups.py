import datetime as dt

import numpy as np
import pytest
import time_machine
from django.db import connection

from derms.core import clock
from derms.core.quantities import Quality, Quantity
from derms.devices.models import Reading, ReadingRollup, RollupDue, RollupState
from derms.devices.services import keep_partitions, roll_up, store_readings
from derms.devices.services.partitions import ensure_reading_days, first_reading_day
from tests.factories.devices import make_batch, make_device

QUARTER = dt.timedelta(minutes=15)


@pytest.fixture
def device(db):
    return make_device()


def quarter_ago(n):
    now = clock.now()
    start = now - dt.timedelta(
        minutes=now.minute % 15, seconds=now.second, microseconds=now.microsecond
    )
    return start - n * QUARTER


def rolled():
    return sorted(
        ReadingRollup.objects.values_list("start_at", "mean", "minimum", "maximum", "count")
    )


def test_rolls_up_quarters_that_are_over(device):
    start = quarter_ago(2)
    for minute, value in ((0, 1.0), (14, 3.0), (15, 10.0)):
        store_readings(make_batch([device.pk], value, at=start + dt.timedelta(minutes=minute)))
    store_readings(make_batch([device.pk], 99.0, at=clock.now()))

    roll_up(now=start + 2 * QUARTER + dt.timedelta(minutes=5))

    assert rolled() == [(start, 2, 1, 3, 2), (start + QUARTER, 10, 10, 10, 1)]
    assert RollupState.objects.get().rolled_until == start + 2 * QUARTER
    assert not RollupDue.objects.exists()


def test_rolls_up_good_values_only(device):
    start = quarter_ago(2)
    store_readings(make_batch([device.pk], 1.0, at=start))
    store_readings(
        make_batch(
            [device.pk], 50.0, at=start + dt.timedelta(minutes=1), quality=Quality.QUESTIONABLE
        )
    )

    roll_up()

    assert rolled() == [(start, 1, 1, 1, 1)]


def test_late_reading_rolls_its_quarter_up_again(device):
    start = quarter_ago(3)
    other = make_device()
    store_readings(make_batch([device.pk, other.pk], 1.0, at=start))
    roll_up()

    store_readings(make_batch([device.pk], 5.0, at=start + dt.timedelta(minutes=1)))

    assert RollupDue.objects.get().device_id == device.pk
    roll_up()
    assert rolled() == [(start, 1, 1, 1, 1), (start, 3, 1, 5, 2)]
    assert not RollupDue.objects.exists()


def test_rolls_up_each_quantity(device):
    start = quarter_ago(2)
    for quantity in (Quantity.ACTIVE_POWER_W, Quantity.SOC_PCT):
        store_readings(make_batch([device.pk], float(quantity), quantity=quantity, at=start))

    roll_up()

    assert set(ReadingRollup.objects.values_list("quantity", "mean")) == {(1, 1.0), (5, 5.0)}


def test_rollup_equals_recomputation_after_random_order(device):
    rng = np.random.default_rng(7)
    start = quarter_ago(8)
    seconds = rng.permutation(6 * 900)[:300]
    for part in np.array_split(seconds, 5):
        for second in part:
            at = start + dt.timedelta(seconds=int(second))
            store_readings(make_batch([device.pk], float(second), at=at))
        roll_up()

    by_quarter = {}
    for second in seconds:
        by_quarter.setdefault(int(second) // 900, []).append(float(second))
    expected = [
        (start + k * QUARTER, pytest.approx(np.mean(v)), min(v), max(v), len(v))
        for k, v in sorted(by_quarter.items())
    ]
    assert rolled() == expected


def test_partitions_are_made_ahead_and_dropped_behind(device, settings):
    today = np.datetime64(clock.now().replace(tzinfo=None), "D")
    keep_partitions()
    store_readings(make_batch([device.pk], 1.0, at=clock.now() - dt.timedelta(days=5)))
    store_readings(make_batch([device.pk], 2.0))
    assert first_reading_day().date() == (today - 5).item()

    settings.READING_RETENTION_DAYS = 4
    dropped = keep_partitions()

    assert dropped == [f"devices_reading_{str(today - 5).replace('-', '')}"]
    assert Reading.objects.get().value == 2.0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'devices_reading'::regclass"
        )
        assert cursor.fetchone()[0] >= 4
    assert keep_partitions() == []


def test_roll_up_partitions_by_month_across_the_year(device):
    with time_machine.travel("2027-01-01T00:10:00Z", tick=False):
        store_readings(make_batch([device.pk], 1.0, at=clock.now() - dt.timedelta(minutes=20)))
        roll_up()

    assert ReadingRollup.objects.get().start_at.isoformat() == "2026-12-31T23:45:00+00:00"


def test_making_a_partition_twice_is_fine(db):
    days = np.array(["2027-03-28", "2027-03-29"], dtype="M8[D]")

    ensure_reading_days(days)
    ensure_reading_days(days)

    assert first_reading_day() is not None


def test_without_readings_there_is_nothing_to_roll_up(db):
    assert roll_up() == 0
