"""Facts the groups room announces."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class GroupCreated:
    """A group exists from now on."""

    topic: ClassVar[str] = "groups.group_created"
    mrid: str
    name: str
    revision: int


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """A group's definition or membership changed."""

    topic: ClassVar[str] = "groups.group_changed"
    mrid: str
    name: str
    revision: int


@dataclass(frozen=True, slots=True)
class GroupDeleted:
    """A group exists no longer; what was asked of it must end."""

    topic: ClassVar[str] = "groups.group_deleted"
    mrid: str
    name: str
