"""Celery shells of the groups room."""

from celery import shared_task

from groups import services


@shared_task(ignore_result=True)
def refresh_statuses() -> None:
    """Aggregate all groups; every second."""
    services.refresh_statuses()


@shared_task(ignore_result=True)
def forget_history() -> None:
    """Drop old status samples; every hour."""
    services.forget_history()
