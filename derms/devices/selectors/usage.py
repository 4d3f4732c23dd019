"""Usage of devices: quarter-hourly means and latest values of many devices as columns.

For doors that answer in readings, and for the sums of groups one room up.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from derms.core import bulk, clock
from derms.core.quantities import Quantity
from derms.devices.rules.readings import Bool, Float64, Int16, Int32, Int64, microseconds

_MEANS = """
SELECT device_id, start_at, mean FROM devices_readingrollup
WHERE device_id = ANY(%(ids)s::int4[]) AND quantity = %(quantity)s
  AND start_at >= %(start)s AND start_at < %(end)s
ORDER BY device_id, start_at
"""
_SUMS = """
SELECT r.start_at, sum(greatest(r.mean, 0)), sum(least(r.mean, 0)), count(*)
FROM {members} JOIN devices_readingrollup r ON r.device_id = members.device_id
    AND r.start_at >= members.since AND r.start_at < members.until
WHERE r.quantity = %(quantity)s AND r.start_at >= %(start)s AND r.start_at < %(end)s
GROUP BY r.start_at ORDER BY r.start_at
"""
_LATEST = """
SELECT l.device_id, l.quantity, l.measured_at, l.value, l.quality, d.poll_interval_s
FROM devices_latestreading l JOIN devices_enddevice d ON d.id = l.device_id
WHERE l.device_id = ANY(%(ids)s::int4[])
ORDER BY l.device_id, l.quantity
"""


@dataclass(frozen=True, slots=True)
class IntervalMeans:
    """Means of quarter-hours of one quantity, arrays [n], by device and time.

    `start_at` is in microseconds since 1970-01-01 UTC; `mean` is of the good values, SI.
    """

    device_id: Int32
    start_at: Int64
    mean: Float64


@dataclass(frozen=True, slots=True)
class IntervalSums:
    """Sums over devices of the means of quarter-hours, arrays [n], by time.

    `injected` sums the means that are positive, `absorbed` those that are negative (so it is
    negative or 0); `measured` says how many devices had a mean.
    """

    start_at: Int64
    injected: Float64
    absorbed: Float64
    measured: Int64


@dataclass(frozen=True, slots=True)
class LatestValues:
    """Latest values, arrays [n], by device and quantity; `stale` as elsewhere: too old to trust."""

    device_id: Int32
    quantity: Int16
    measured_at: Int64
    value: Float64
    quality: Int16
    stale: Bool


def interval_means(
    ids: NDArray[Any], *, quantity: Quantity, start: dt.datetime, end: dt.datetime
) -> IntervalMeans:
    """Return the means of the quarter-hours that start in `[start, end)`."""
    rows = bulk.execute(
        _MEANS,
        {"ids": ids.astype("int32"), "quantity": int(quantity), "start": start, "end": end},
    ).fetchall()
    device_id, start_at, mean = zip(*rows, strict=True) if rows else ((), (), ())
    return IntervalMeans(np.array(device_id, "int32"), _micro(start_at), np.array(mean, "float64"))


def interval_sums(
    ids: NDArray[Any],
    since: Int64,
    until: Int64,
    *,
    quantity: Quantity,
    start: dt.datetime,
    end: dt.datetime,
) -> IntervalSums:
    """Return sums over devices, each counted only while it belongs; quarter-hours in [start, end).

    Args:
        ids: Primary keys [n]; a device that came back stands once for each time.
        since: From when each counts, microseconds since 1970-01-01 UTC [n].
        until: Until when, exclusive [n].
        quantity: A quantity that can be added up.
        start: First instant.
        end: Behind the last start of an interval.
    """
    columns = {
        "device_id": ids.astype("int32"),
        "since": since.view("M8[us]"),
        "until": until.view("M8[us]"),
    }
    rows = bulk.execute(
        _SUMS.format(members=bulk.unnest(columns, "members")),
        {**columns, "quantity": int(quantity), "start": start, "end": end},
    ).fetchall()
    start_at, injected, absorbed, measured = zip(*rows, strict=True) if rows else ((),) * 4
    return IntervalSums(
        _micro(start_at),
        np.array(injected, "float64"),
        np.array(absorbed, "float64"),
        np.array(measured, "int64"),
    )


def latest_values(ids: NDArray[Any]) -> LatestValues:
    """Return every latest value of the devices."""
    rows = bulk.execute(_LATEST, {"ids": ids.astype("int32")}).fetchall()
    found = zip(*rows, strict=True) if rows else ((),) * 6
    device_id, quantity, measured_at, value, quality, poll_interval_s = found
    at = _micro(measured_at)
    age_us = microseconds(clock.now()) - at
    limit_us = settings.STALE_AFTER_PERIODS * 1_000_000 * np.array(poll_interval_s, "int64")
    return LatestValues(
        np.array(device_id, "int32"),
        np.array(quantity, "int16"),
        at,
        np.array(value, "float64"),
        np.array(quality, "int16"),
        age_us > limit_us,
    )


def _micro(instants: Sequence[Any]) -> Int64:
    return np.array([microseconds(at) for at in instants], dtype="int64")
