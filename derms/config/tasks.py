"""Celery shells of the roof."""

from celery import shared_task

from derms.config import overview


@shared_task(ignore_result=True)
def make_overview() -> None:
    """Make the operations overview; every second, in the worker that has the fleet."""
    overview.make_overview()
