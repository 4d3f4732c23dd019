"""What this room does when facts arrive: wake the senders of commands just queued."""

from derms.events.registry import subscribe
from derms.southbound.events import CommandsQueued
from derms.southbound.tasks import send_shard


@subscribe(CommandsQueued)
def wake_senders(fact: CommandsQueued) -> None:
    """Start one sender per shard; the sweep finds what a lost wake-up leaves."""
    for shard in fact.shards:
        send_shard.apply_async((shard,), expires=10)
