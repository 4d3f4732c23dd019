"""Writes of the groups room.

`definitions` creates, changes and deletes groups; `statuses` keeps their aggregated status.
"""

from groups.services.definitions import change_group, create_group, delete_group

__all__ = ["change_group", "create_group", "delete_group"]
