"""Celery shells of the alarms room."""

from celery import shared_task

from derms.alarms import services


@shared_task
def watch_audit() -> None:
    """Verify the audit chain and raise or clear its alarm; nightly."""
    services.watch_audit()


@shared_task
def watch_certificates() -> None:
    """Raise or clear the alarms of certificates that end soon; hourly."""
    services.watch_certificates()
