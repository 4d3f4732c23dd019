"""What sockets read from PostgreSQL and Valkey, on a few threads of their own.

Channels would run it all on one thread for the whole process, so that one slow snapshot would
hold up everybody.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from derms.accounts.sessions import current_actors
from derms.core import valkey
from derms.core.actors import Actor
from derms.live.services import sequence_key
from derms.live.subscriptions import Subscription
from derms.live.topics import RowFilter

P = ParamSpec("P")
R = TypeVar("R")
_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live-read")
# Of their own: a slow filter holds up no snapshot and no check of a session.
_filters = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live-filter")


async def _in_thread(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    return await _in(_pool, lambda: work(*args, **kwargs))


async def _in(pool: ThreadPoolExecutor, work: Callable[[], R]) -> R:
    def run() -> R:
        close_old_connections()
        try:
            return work()
        finally:
            close_old_connections()

    done: R = await sync_to_async(run, thread_sensitive=False, executor=pool)()
    return done


async def actors(session_keys: Collection[str]) -> dict[str, Actor]:
    """Return who is behind each session; sessions that are over are left out."""
    return await _in_thread(current_actors, session_keys)


async def snapshot(subscription: Subscription, actor: Actor) -> tuple[int, Any]:
    """Return the number of the topic's last delta, read first, and the rows as they are after.

    Deltas in between are in both, which does no harm: a delta replaces rows.
    """

    def read() -> tuple[int, Any]:
        seq = int(valkey.client().get(sequence_key(subscription.name)) or 0)
        return seq, subscription.topic.snapshot(subscription.args, actor)

    return await _in_thread(read)


async def filtered(subscription: Subscription, seq: int, body: bytes, wanted: RowFilter) -> bytes:
    """Return the frame of a delta whose filter may ask the database."""
    return await _in(_filters, lambda: subscription.frame(seq, body, wanted))


async def sequences(names: Sequence[str]) -> dict[str, int]:
    """Return the number of the last delta of each topic."""

    def read() -> dict[str, int]:
        values = valkey.client().mget([sequence_key(name) for name in names])
        return {name: int(value or 0) for name, value in zip(names, values, strict=True)}

    return await _in_thread(read) if names else {}


async def call(work: Callable[[], None]) -> None:
    """Run anything else that blocks."""
    await _in_thread(work)
