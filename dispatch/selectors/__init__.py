"""Reads of the dispatch room."""

from dispatch.models import ControlledDevice
from dispatch.models import EndDeviceControl as Control
from dispatch.models import GroupDispatch as Dispatch
from dispatch.selectors.controls import (
    control_row,
    get_control,
    list_controlled_devices,
    list_controls,
    list_recent_controls,
    visible_controls,
)
from dispatch.selectors.dispatches import (
    dispatch_row,
    events,
    get_dispatch,
    list_dispatches,
    list_open,
    list_recent,
    samples,
    visible_groups,
)
from dispatch.selectors.members import member_rows
from dispatch.selectors.snapshots import members_in_database, members_in_fleet

__all__ = [
    "Control",
    "ControlledDevice",
    "Dispatch",
    "control_row",
    "dispatch_row",
    "events",
    "get_control",
    "get_dispatch",
    "list_controlled_devices",
    "list_controls",
    "list_dispatches",
    "list_open",
    "list_recent",
    "list_recent_controls",
    "member_rows",
    "members_in_database",
    "members_in_fleet",
    "samples",
    "visible_controls",
    "visible_groups",
]
