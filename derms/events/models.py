"""The outbox: facts written in the transaction that caused them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class OutboxFact(models.Model):
    """One fact waiting for, or past, delivery to its subscribers. Its pk is its number."""

    topic = models.CharField(max_length=80)
    payload = models.JSONField()
    correlation_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    # Raised by every claim: a delivery whose claim was taken over finds another number.
    attempts = models.PositiveSmallIntegerField(default=0)
    # Nobody claims the fact before this instant: lease of a running delivery, then back-off.
    not_before = models.DateTimeField(null=True)
    # Handlers that have had it; each name is written in the transaction of its handler.
    handled = ArrayField(models.CharField(max_length=200), default=list)
    delivered_at = models.DateTimeField(null=True)
    parked_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            # The relay only ever looks at what is still to do; keep that index small.
            models.Index(
                fields=["id"],
                name="outbox_undelivered",
                condition=models.Q(delivered_at__isnull=True, parked_at__isnull=True),
            ),
            models.Index(fields=["delivered_at"], name="outbox_delivered_at"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.topic}"
