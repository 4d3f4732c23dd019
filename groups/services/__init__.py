"""Writes of the groups room.

`definitions` creates, changes and deletes groups; `announcements` keeps what other parties tell of
theirs; `statuses` keeps the aggregated status.
"""

from groups.services.announcements import (
    announce_group,
    change_announced_group,
    delete_announced_group,
    own_group,
    store_told_status,
)
from groups.services.definitions import change_group, create_group, delete_group
from groups.services.statuses import forget_history, refresh_statuses

__all__ = [
    "announce_group",
    "change_announced_group",
    "change_group",
    "create_group",
    "delete_announced_group",
    "delete_group",
    "forget_history",
    "own_group",
    "refresh_statuses",
    "store_told_status",
]
