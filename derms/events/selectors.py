"""Reads of the outbox: how much waits, and for how long."""

from dataclasses import dataclass

from django.db.models import Count, Min, Q

from derms.core import clock
from derms.events.models import OutboxFact


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the outbox still has to do.

    Attributes:
        waiting: Facts neither delivered nor parked.
        parked: Facts that failed for good.
        oldest_s: Age of the oldest waiting fact [s]; 0 when none waits.
    """

    waiting: int
    parked: int
    oldest_s: float


def get_backlog() -> Backlog:
    """Return how much the relay is behind."""
    waiting = Q(parked_at__isnull=True)
    row = OutboxFact.objects.filter(delivered_at__isnull=True).aggregate(
        waiting=Count("pk", filter=waiting),
        parked=Count("pk", filter=~waiting),
        oldest=Min("created_at", filter=waiting),
    )
    age = (clock.now() - row["oldest"]).total_seconds() if row["oldest"] else 0.0
    return Backlog(waiting=row["waiting"], parked=row["parked"], oldest_s=max(0.0, age))
