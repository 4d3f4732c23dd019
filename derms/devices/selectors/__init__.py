"""Reads of the devices room: register, numpy columns, readings."""

from derms.devices.selectors.columns import (
    DeviceColumns,
    LatestColumns,
    device_columns,
    latest_columns,
)
from derms.devices.selectors.live import is_stale, live_rows, live_rows_of
from derms.devices.selectors.names import find_ids_by_name, mrids_of
from derms.devices.selectors.register import (
    Dispatchable,
    Scope,
    dispatchable,
    find_ids,
    get_device,
    list_devices,
    search_devices,
)

__all__ = [
    "DeviceColumns",
    "Dispatchable",
    "LatestColumns",
    "Scope",
    "device_columns",
    "dispatchable",
    "find_ids",
    "find_ids_by_name",
    "get_device",
    "is_stale",
    "latest_columns",
    "list_devices",
    "live_rows",
    "live_rows_of",
    "mrids_of",
    "search_devices",
]
