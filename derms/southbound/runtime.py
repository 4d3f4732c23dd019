"""The event loop of this process in which all drivers live, in a thread of its own.

Connections outlast tasks: polling and sending come from many worker threads and meet here, so
each device has one connection and one lock per process.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from derms.southbound import registry
from derms.southbound.contract import Driver

T = TypeVar("T")


class _Runtime:
    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.opened: set[str] = set()
        self.thread = threading.Thread(target=self._run, name="southbound", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        self.loop.close()

    async def opened_driver(self, protocol: str) -> Driver:
        driver = registry.get(protocol)
        if protocol not in self.opened:
            self.opened.add(protocol)
            await driver.open()
        return driver

    async def close_drivers(self) -> None:
        for protocol in self.opened:
            await registry.get(protocol).close()
        self.opened.clear()


_current: _Runtime | None = None
_guard = threading.Lock()


def _runtime() -> _Runtime:
    global _current  # noqa: PLW0603 - one loop a process is the point
    with _guard:
        # A forked child has the object but not the thread.
        if _current is None or _current.pid != os.getpid():
            _current = _Runtime()
        return _current


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the drivers' loop and wait for it; the work bounds its own time."""
    return asyncio.run_coroutine_threadsafe(work, _runtime().loop).result()


async def driver_for(protocol: str) -> Driver:
    """Return a driver ready for use; to be called inside the drivers' loop.

    Raises:
        NotFoundError: no driver speaks the protocol.
    """
    return await _runtime().opened_driver(protocol)


def stop() -> None:
    """Drop every connection and end the loop; the next `run` starts afresh."""
    global _current
    with _guard:
        runtime, _current = _current, None
    if runtime is None or runtime.pid != os.getpid():
        return
    asyncio.run_coroutine_threadsafe(runtime.close_drivers(), runtime.loop).result(timeout=10)
    runtime.loop.call_soon_threadsafe(runtime.loop.stop)
    runtime.thread.join(timeout=10)
