"""Operator alarms. State follows from three instants: raised, acknowledged, cleared."""

from django.db import models

from derms.alarms.choices import Priority
from derms.core.ids import new_mrid


class Alarm(models.Model):
    """One condition that needs an operator's response.

    Unacknowledged-active, acknowledged-active, unacknowledged-returned and normal are read off
    `acknowledged_at` and `cleared_at`. The same (kind, source) is raised once while active;
    further raises count up.
    """

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    kind = models.CharField(max_length=60)
    priority = models.PositiveSmallIntegerField(choices=Priority)
    source_type = models.CharField(max_length=40)
    source_mrid = models.CharField(max_length=128)
    source_name = models.CharField(max_length=200, blank=True)
    condition = models.CharField(max_length=300)
    response = models.CharField(max_length=300, blank=True)
    raised_at = models.DateTimeField(db_index=True)
    last_raised_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)
    comment = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "source_type", "source_mrid"],
                name="alarm_active_once",
                condition=models.Q(cleared_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["priority", "-raised_at"],
                name="alarm_open",
                condition=models.Q(cleared_at__isnull=True)
                | models.Q(acknowledged_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source_name}"
