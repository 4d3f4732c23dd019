"""The members of a group as columns, from the database (doors) or the fleet in memory (tick)."""

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from derms.core import bulk, clock
from derms.core.quantities import Quality, Quantity
from derms.devices.choices import ConnectionState, OperatingState
from derms.devices.fleet import Fleet
from derms.devices.rules.limits import Capability
from derms.devices.selectors import DeviceColumns, device_columns, latest_columns
from derms.devices.selectors.columns import REGISTERED
from dispatch.rules.members import MemberColumns, Readings, Register, assemble

Ids = NDArray[np.int32]
Mask = NDArray[np.bool_]
_ALL = slice(None)
_USED = (
    Quantity.ACTIVE_POWER_W,
    Quantity.REACTIVE_POWER_VAR,
    Quantity.SOC_PCT,
    Quantity.AVAILABLE_POWER_W,
)


def _register(columns: DeviceColumns, at: Ids | slice) -> Register:
    whole = columns.capability()
    names = Capability.__dataclass_fields__
    return Register(
        ids=columns.id[at],
        capability=Capability(**{name: getattr(whole, name)[at] for name in names}),
        rated_wh=columns.rated_wh[at],
        ramp_w_per_s=columns.ramp_w_per_s[at],
        poll_s=columns.poll_interval_s[at],
        dispatchable=columns.eligible[at] & (columns.lifecycle[at] == REGISTERED),
    )


def _able(columns: DeviceColumns, at: Ids | slice) -> Mask:
    connected: Mask = columns.connection[at] != ConnectionState.DISCONNECTED
    healthy: Mask = columns.operating[at] != OperatingState.FAULT
    return connected & healthy & ~columns.local_control[at]


def _silent(
    measured_at_us: NDArray[np.int64], quality: NDArray[np.int16], poll_s: NDArray[np.int32]
) -> Mask:
    now_us = int(clock.now().timestamp() * 1e6)
    limit_us = (settings.STALE_AFTER_PERIODS * 1e6) * poll_s
    silent: Mask = (now_us - measured_at_us > limit_us) | (quality != Quality.GOOD)
    return silent


def held_off_ids() -> Ids:
    """Return the keys of devices that a control holds off the grid, ascending [n]."""
    held = "SELECT device_id FROM dispatch_deviceswitch WHERE held_off ORDER BY device_id"
    return bulk.copy_out(held, {"device_id": "int32"})["device_id"]


def members_in_database(ids: Ids, *, reactive: bool) -> MemberColumns:
    """Return the members by device keys, read from the database.

    Args:
        ids: Device keys [n], ascending.
        reactive: Reactive instead of active power.
    """
    columns = device_columns(ids, named=False)
    latest = latest_columns(columns.id, _USED)
    at_us = latest.measured_at.view("int64")
    able = _able(columns, _ALL) & ~np.isin(columns.id, held_off_ids())
    said = Readings(latest.p_w, latest.q_var, latest.available_w, latest.soc_pct, able)
    return assemble(
        _register(columns, _ALL),
        said,
        measured_at_us=at_us,
        silent=_silent(at_us, latest.quality, columns.poll_interval_s),
        reactive=reactive,
    )


def members_in_fleet(fleet: Fleet, ids: Ids, *, reactive: bool, held_off: Ids) -> MemberColumns:
    """Return the members by device keys, read from the fleet of this process.

    Args:
        fleet: Refreshed by the caller.
        ids: Device keys [n], ascending; those the fleet does not know yet are left out.
        reactive: Reactive instead of active power.
        held_off: Devices that a control holds off the grid, as `held_off_ids` returns them.
    """
    at = fleet.index_of(ids)
    at = at[at >= 0]
    columns = fleet.columns
    quantity = Quantity.REACTIVE_POWER_VAR if reactive else Quantity.ACTIVE_POWER_W
    at_us = fleet.measured_at_us(quantity)[at]
    said = Readings(
        fleet.p_w[at],
        fleet.q_var[at],
        fleet.available_w[at],
        fleet.soc_pct[at],
        _able(columns, at) & ~np.isin(columns.id[at], held_off),
    )
    return assemble(
        _register(columns, at),
        said,
        measured_at_us=at_us,
        silent=_silent(at_us, fleet.quality_of(quantity)[at], columns.poll_interval_s[at]),
        reactive=reactive,
    )
