"""Celery shells around the services of this room."""

from celery import shared_task

from dispatch import services


@shared_task(ignore_result=True)
def run_tick() -> None:
    """Do the second's work of all dispatches."""
    services.run_tick()


@shared_task(ignore_result=True)
def execute_dispatch(mrid: str) -> None:
    """Start a dispatch that has just been accepted, without waiting for the next second.

    Args:
        mrid: What caused the tick, for the task log; the tick finds all that is due.
    """
    services.run_tick(wait=True)


@shared_task(ignore_result=True)
def run_controls() -> None:
    """Do the second's work of all connect and disconnect controls."""
    services.run_controls()


@shared_task(ignore_result=True)
def forget_samples() -> None:
    """Delete old samples."""
    services.forget_samples()
