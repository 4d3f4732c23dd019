"""Celery shells of the devices room."""

import logging

from celery import shared_task

from derms.devices import services

_log = logging.getLogger(__name__)


@shared_task
def roll_up() -> int:
    """Roll up the readings of the quarter-hours that are over."""
    return services.roll_up()


@shared_task
def keep_partitions() -> list[str]:
    """Make partitions ahead, drop those past their retention; forget old imports."""
    services.forget_imports()
    return services.keep_partitions()


@shared_task
def run_import(mrid: str) -> None:
    """Run one import; whatever breaks it off is told in its row."""
    try:
        services.run_import(mrid)
    except Exception:
        services.fail_import(mrid, "The import broke off; the log tells why. Import again.")
        raise
