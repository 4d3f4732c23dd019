"""Enumerations of the alarms room, after ISA-18.2."""

from django.db.models import IntegerChoices


class Priority(IntegerChoices):
    """Alarm priority; 1 is the most urgent."""

    CRITICAL = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4
