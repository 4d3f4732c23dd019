"""Reads of the devices room: register, numpy columns, readings."""

from derms.devices.selectors.columns import (
    DeviceColumns,
    LatestColumns,
    device_columns,
    latest_columns,
)
from derms.devices.selectors.imports import get_import
from derms.devices.selectors.live import is_stale, live_device, live_rows, live_rows_of
from derms.devices.selectors.names import find_ids_by_name, mrids_of
from derms.devices.selectors.readings import MAX_ROWS, list_latest, list_readings, list_rollups
from derms.devices.selectors.register import (
    Dispatchable,
    Scope,
    dispatchable,
    filter_devices,
    find_dispatchable,
    find_ids,
    get_device,
    list_devices,
    owned_ids,
    visible_mrids,
    without_sandbox,
)
from derms.devices.selectors.snapshot import columns_snapshot

__all__ = [
    "MAX_ROWS",
    "DeviceColumns",
    "Dispatchable",
    "LatestColumns",
    "Scope",
    "columns_snapshot",
    "device_columns",
    "dispatchable",
    "filter_devices",
    "find_dispatchable",
    "find_ids",
    "find_ids_by_name",
    "get_device",
    "get_import",
    "is_stale",
    "latest_columns",
    "list_devices",
    "list_latest",
    "list_readings",
    "list_rollups",
    "live_device",
    "live_rows",
    "live_rows_of",
    "mrids_of",
    "owned_ids",
    "visible_mrids",
    "without_sandbox",
]
