"""Readings of one device: history, 15-minute roll-ups, latest values."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from derms.core import clock
from derms.core.quantities import Quality, Quantity
from derms.devices.choices import ReadingSource
from derms.devices.models import EndDevice, LatestReading, Reading, ReadingRollup

MAX_ROWS = 10_000


def list_readings(
    device: EndDevice,
    *,
    quantity: Quantity,
    start: dt.datetime,
    end: dt.datetime,
    limit: int = MAX_ROWS,
) -> Sequence[tuple[dt.datetime, float, int, int]]:
    """Return readings of `[start, end)`, oldest first: when, value, quality, source.

    At most `limit` rows; when there are more, the newest ones.
    """
    found = (
        Reading.objects.filter(
            device_id=device.pk, quantity=quantity, measured_at__gte=start, measured_at__lt=end
        )
        .order_by("-measured_at")
        .values_list("measured_at", "value", "quality", "source")[: min(limit, MAX_ROWS)]
    )
    return list(found)[::-1]


def list_rollups(
    device: EndDevice,
    *,
    quantity: Quantity,
    start: dt.datetime,
    end: dt.datetime,
    limit: int = MAX_ROWS,
) -> Sequence[tuple[dt.datetime, float, float, float, int]]:
    """Return roll-ups starting in `[start, end)`, oldest first: start, mean, min, max, count."""
    found = (
        ReadingRollup.objects.filter(
            device_id=device.pk, quantity=quantity, start_at__gte=start, start_at__lt=end
        )
        .order_by("-start_at")
        .values_list("start_at", "mean", "minimum", "maximum", "count")[: min(limit, MAX_ROWS)]
    )
    return list(found)[::-1]


def list_latest(device: EndDevice) -> dict[str, dict[str, Any]]:
    """Return the latest value of each quantity of a device by its name, with quality and age."""
    now = clock.now()
    stale_after_s = settings.STALE_AFTER_PERIODS * device.poll_interval_s
    rows = LatestReading.objects.filter(device=device).order_by("quantity")
    return {
        Quantity(row.quantity).name.lower(): {
            "value": row.value,
            "measured_at": row.measured_at,
            "age_s": (now - row.measured_at).total_seconds(),
            "quality": Quality(row.quality).name.lower(),
            "source": ReadingSource(row.source).name.lower(),
            "stale": (now - row.measured_at).total_seconds() > stale_after_s,
        }
        for row in rows
    }
