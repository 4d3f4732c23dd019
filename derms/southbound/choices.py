"""Enumerations of the southbound room that tables store; commands' own are in the contract."""

from enum import IntEnum

from django.db.models import TextChoices

from derms.southbound.contract import CommandKind, CommandState

__all__ = ["CommandKind", "CommandState", "LinkState", "labels"]


class LinkState(TextChoices):
    """Health of the wire to one device."""

    UNKNOWN = "unknown"
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


def labels(members: type[IntEnum]) -> list[tuple[int, str]]:
    """Return an enumeration as Django choices with readable labels."""
    return [(member.value, member.name.replace("_", " ").capitalize()) for member in members]
