"""Celery shells of the outbox."""

import datetime as dt

from celery import shared_task
from django.conf import settings

from derms.events import services


@shared_task
def relay() -> int:
    """Deliver what waits; woken on commit and swept every second."""
    return services.relay()


@shared_task
def forget_delivered() -> int:
    """Drop facts delivered longer ago than DERMS_FACT_RETENTION_DAYS."""
    return services.forget_delivered(older_than=dt.timedelta(days=settings.FACT_RETENTION_DAYS))
