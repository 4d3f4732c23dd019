"""Enumerations of the southbound room that tables store."""

from django.db.models import IntegerChoices, TextChoices


class LinkState(TextChoices):
    """Health of the wire to one device."""

    UNKNOWN = "unknown"
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


class CommandState(IntegerChoices):
    """Life of one device command (docs/architecture.md, command journal).

    Small integers because the journal holds millions of rows.
    """

    QUEUED = 1
    LEASED = 2
    DELIVERED = 3
    ACKNOWLEDGED = 4
    ACTIVE = 5
    COMPLETED = 6
    SUPERSEDED = 7
    REJECTED = 8
    EXPIRED = 9
    FAILED = 10
    UNKNOWN = 11


class CommandKind(IntegerChoices):
    """What a device command sets."""

    SET_ACTIVE_POWER = 1
    LIMIT_ACTIVE_POWER = 2
    SET_REACTIVE_POWER = 3
    CONNECT = 4
    DISCONNECT = 5
    RELEASE = 6
    """Give active and reactive power back to the device's own control."""
