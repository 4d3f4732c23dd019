"""Celery shells of the partner bench."""

from celery import shared_task

from derms.conformance import services


@shared_task(ignore_result=True)
def advance_runs() -> None:
    """Look at every run that is not over; every second."""
    services.advance_all()
