"""The way out of one socket: bounded, so that a browser that does not read costs no memory."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

_MAX_BYTES = 4 * 2**20
_MAX_FRAMES = 1000


class Sender:
    """A queue of frames and the task that writes them.

    Args:
        write: Sends one text frame; waits while the network is full.
    """

    def __init__(self, write: Callable[[str], Awaitable[None]]) -> None:
        self._write = write
        self._frames: deque[tuple[str | None, bytes]] = deque()
        self._bytes = 0
        self._more = asyncio.Event()
        self._writing_since: float | None = None
        self._task = asyncio.create_task(self._run())

    def put(self, frame: bytes, *, owner: str | None = None) -> bool:
        """Queue a frame; False when the browser is too far behind to take another of `owner`.

        Frames without an owner (hello, errors, gaps) are always taken; they are few and small.
        """
        full = self._bytes > _MAX_BYTES or len(self._frames) >= _MAX_FRAMES
        if full and owner is not None:
            return False
        self._frames.append((owner, frame))
        self._bytes += len(frame)
        self._more.set()
        return True

    def forget(self, owner: str) -> None:
        """Drop what waits for one subscription: a gap is about to tell it to start over."""
        self._frames = deque(item for item in self._frames if item[0] != owner)
        self._bytes = sum(len(frame) for _, frame in self._frames)

    def stuck_s(self) -> float:
        """Return for how long the present frame has been waiting for the network [s]."""
        since = self._writing_since
        return 0.0 if since is None else time.monotonic() - since

    async def finish(self) -> None:
        """Stop writing."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            while self._frames:
                _, frame = self._frames.popleft()
                self._bytes -= len(frame)
                self._writing_since = time.monotonic()
                await self._write(frame.decode())
                self._writing_since = None
            self._more.clear()
            await self._more.wait()
