"""Celery shells of the audit chain."""

from celery import shared_task

from derms.audit import services


@shared_task
def anchor() -> None:
    """Write the head of the chain to the anchor file; hourly."""
    services.anchor()
