"""Writes of the southbound room; each the one home of its use case."""

from derms.southbound.services.journal import queue_commands
from derms.southbound.services.polling import poll_shard
from derms.southbound.services.reconciling import reconcile_shard
from derms.southbound.services.retention import forget_commands
from derms.southbound.services.sending import send_shard

__all__ = [
    "forget_commands",
    "poll_shard",
    "queue_commands",
    "reconcile_shard",
    "send_shard",
]
