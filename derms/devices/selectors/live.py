"""Present values of a few devices as rows, for browsers and the REST door."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from derms.core import clock
from derms.core.quantities import Quality
from derms.devices.choices import ConnectionState, OperatingState
from derms.devices.selectors.columns import device_columns, latest_columns
from derms.devices.selectors.readings import list_latest
from derms.devices.selectors.register import find_ids, get_device

_QUALITY = {quality.value: quality.name.lower() for quality in Quality}


def live_rows(ids: NDArray[Any]) -> list[dict[str, Any]]:
    """Return the present values of devices.

    Args:
        ids: Primary keys [n], each once; unknown ones are left out.

    Returns:
        `{mrid, p_w, q_var, soc_pct, measured_at, quality, stale}` each; None = not known.
    """
    devices = device_columns(ids)
    latest = latest_columns(devices.id)
    now = np.datetime64(clock.now().replace(tzinfo=None), "us")
    stale = is_stale(latest.measured_at, devices.poll_interval_s, now)
    columns = zip(
        devices.mrid,
        latest.p_w.tolist(),
        latest.q_var.tolist(),
        latest.soc_pct.tolist(),
        latest.measured_at.astype("int64").tolist(),
        latest.quality.tolist(),
        stale.tolist(),
        strict=True,
    )
    return [
        {
            "mrid": mrid,
            "p_w": _known(p_w),
            "q_var": _known(q_var),
            "soc_pct": _known(soc_pct),
            "measured_at": at / 1e6 if at else None,
            "quality": _QUALITY[quality],
            "stale": old,
        }
        for mrid, p_w, q_var, soc_pct, at, quality, old in columns
    ]


def is_stale(
    measured_at: NDArray[np.datetime64], poll_interval_s: NDArray[np.int32], now: np.datetime64
) -> NDArray[np.bool_]:
    """Say which values are too old to count: older than so many poll periods, or never had."""
    limit_us = settings.STALE_AFTER_PERIODS * 1e6 * poll_interval_s
    stale: NDArray[np.bool_] = (now - measured_at).astype("int64") > limit_us
    return stale


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def live_device(mrid: str) -> dict[str, Any]:
    """Return what the page of one device keeps showing: its row, latest values and status.

    Raises:
        NotFoundError: no such device.
    """
    device = get_device(mrid)
    [row] = live_rows(np.array([device.pk], dtype="int32"))
    status = getattr(device, "status", None)
    return row | {
        "latest": list_latest(device),
        "status": status
        and {
            "connection": ConnectionState(status.connection).name.lower(),
            "operating": OperatingState(status.operating).name.lower(),
            "alarm_bits": status.alarm_bits,
            "local_control": status.local_control,
            "last_contact_at": status.last_contact_at,
            "changed_at": status.changed_at,
        },
    }


def live_rows_of(mrids: Sequence[str]) -> list[dict[str, Any]]:
    """Return `live_rows` of the devices that exist among `mrids`."""
    ids = find_ids(mrids)
    return live_rows(np.unique(ids[ids > 0]))
