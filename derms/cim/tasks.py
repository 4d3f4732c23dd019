"""Celery shells of the CIM room."""

import datetime as dt

from celery import shared_task
from django.conf import settings

from derms.cim import background, periods, services
from derms.cim.push import delivery


@shared_task(ignore_result=True)
def deliver(partner_id: int) -> None:
    """Send what waits for one partner; woken on commit and by the sweep."""
    delivery.deliver(partner_id)


@shared_task(ignore_result=True)
def carry_out_deferred(mrid: str) -> None:
    """Carry out a request that was acknowledged; woken on commit and by the sweep."""
    background.carry_out(mrid)


@shared_task(ignore_result=True)
def sweep() -> None:
    """Wake what is due: delivery to partners, requests to be carried out; every second."""
    delivery.sweep()
    background.sweep()


@shared_task(ignore_result=True)
def push_due() -> None:
    """Push what is told by period; every second."""
    periods.push_due()


@shared_task(ignore_result=True)
def forget_finished() -> None:
    """Drop the queue rows of messages delivered longer ago than DERMS_PUSH_RETENTION_DAYS."""
    delivery.forget_finished(older_than=dt.timedelta(days=settings.PUSH_RETENTION_DAYS))


@shared_task(ignore_result=True)
def forget_messages() -> None:
    """Drop exchanges older than DERMS_CIM_MESSAGE_RETENTION_DAYS from the message log; hourly."""
    services.forget_messages(older_than=dt.timedelta(days=settings.CIM_MESSAGE_RETENTION_DAYS))
