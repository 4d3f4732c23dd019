"""Celery shells of accounts."""

import datetime as dt

from celery import shared_task

from derms.accounts.services import forget_sessions
from derms.accounts.services.idempotency import forget_keys


@shared_task
def forget_old() -> None:
    """Drop idempotency keys after a day, and sessions that are over; hourly."""
    forget_keys(older_than=dt.timedelta(days=1))
    forget_sessions()
