"""Celery shells around the services of this room; one task per shard, never one per device."""

from celery import shared_task

from derms.southbound import services


@shared_task(ignore_result=True)
def send_shard(shard: int) -> None:
    """Send what waits in the journal of a shard."""
    services.send_shard(shard)


@shared_task(ignore_result=True)
def reconcile_shard(shard: int) -> None:
    """Read back commands of a shard whose outcome is open."""
    services.reconcile_shard(shard)


@shared_task(ignore_result=True)
def poll_shard(shard: int, rate_s: int) -> None:
    """Poll the devices of a shard that have this rate."""
    services.poll_shard(shard, rate_s)


@shared_task(ignore_result=True)
def forget_commands() -> None:
    """End what reverted, delete what is old."""
    services.forget_commands()
