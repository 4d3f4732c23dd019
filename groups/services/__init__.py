"""Writes of the groups room.

`definitions` creates, changes and deletes groups; `statuses` keeps their aggregated status.
"""

from groups.services.definitions import change_group, create_group, delete_group
from groups.services.statuses import forget_history, refresh_statuses

__all__ = [
    "change_group",
    "create_group",
    "delete_group",
    "forget_history",
    "refresh_statuses",
]
