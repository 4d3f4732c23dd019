"""Filters of rows that ask the database, off the event loop and in order.

Each socket has one worker with a bounded queue and at most one piece of work in a thread, so a
slow filter delays its own socket's filtered topics and nothing else.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from derms.live import reads
from derms.live.subscriptions import Subscription
from derms.live.topics import RowFilter

_MAX_WAITING = 200
_log = logging.getLogger(__name__)
Delta = tuple[Subscription, int, bytes, RowFilter]


class FilterQueue:
    """Deltas of one socket that wait to be filtered, and the task that has it done.

    Args:
        done: Takes each frame, in the order its delta came.
        failed: Told of a subscription whose filter raised; its delta is lost.
    """

    def __init__(
        self,
        done: Callable[[Subscription, int, bytes], None],
        failed: Callable[[Subscription], None],
    ) -> None:
        self._done = done
        self._failed = failed
        self._waiting: deque[Delta] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, subscription: Subscription, seq: int, body: bytes, wanted: RowFilter) -> bool:
        """Take a delta; False when too many wait already."""
        if len(self._waiting) >= _MAX_WAITING:
            return False
        self._waiting.append((subscription, seq, body, wanted))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return True

    def forget(self, subscription: Subscription) -> None:
        """Drop what waits for a subscription that is over or starts anew."""
        self._waiting = deque(one for one in self._waiting if one[0] is not subscription)

    async def finish(self) -> None:
        """Stop filtering."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._waiting:
            subscription, seq, body, wanted = self._waiting.popleft()
            try:
                frame = await reads.filtered(subscription, seq, body, wanted)
            except Exception:  # noqa: BLE001 - the door: the browser is told to start over
                _log.exception("filter of %s failed", subscription.name)
                self._failed(subscription)
            else:
                self._done(subscription, seq, frame)
