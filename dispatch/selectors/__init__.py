"""Reads of the dispatch room."""

from dispatch.models import GroupDispatch as Dispatch
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
    "Dispatch",
    "dispatch_row",
    "events",
    "get_dispatch",
    "list_dispatches",
    "list_open",
    "list_recent",
    "member_rows",
    "members_in_database",
    "members_in_fleet",
    "samples",
    "visible_groups",
]
