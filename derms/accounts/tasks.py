"""Celery shells of accounts."""

import datetime as dt

from celery import shared_task

from derms.accounts.services import forget_sessions
from derms.accounts.services.idempotency import forget_keys
from derms.accounts.services.nonces import forget_nonces


@shared_task
def forget_old() -> None:
    """Drop idempotency keys after a day, sessions that are over, nonces of the past; hourly."""
    forget_keys(older_than=dt.timedelta(days=1))
    forget_nonces()
    forget_sessions()
