"""Looks after all sockets of this process, every two seconds, with a handful of queries.

- A session that has ended closes its sockets (4401); changed roles stop what they no longer
  allow.
- A topic that is further than a subscription has seen, twice in a row, means a lost frame (a
  broken connection to Valkey): the browser is told to subscribe again.
- A browser that has not read for ten seconds is closed (4408).
- Which rows and objects are being looked at is kept in Valkey for the processes that push.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

import redis
from django.db import DatabaseError

from derms.core import metrics
from derms.core.actors import Actor
from derms.live import reads
from derms.live.sender import Sender
from derms.live.services import note_watched
from derms.live.subscriptions import Subscription

PERIOD_S = 2.0
SLOW_S = 10.0
_CLOSE_LOGIN = 4401
_CLOSE_SLOW = 4408
_log = logging.getLogger(__name__)


class Socket(Protocol):
    """What the watchman needs of a consumer."""

    session_key: str
    sender: Sender
    subscriptions: dict[str, Subscription]

    def stop(self, code: int) -> None:
        """Close the connection."""

    def become(self, actor: Actor) -> None:
        """Go on with other rights."""

    def open_gap(self, subscription: Subscription) -> None:
        """Tell the browser to subscribe again."""


class Watchman:
    """One for each event loop; its round runs while there are sockets."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, socket: Socket) -> None:
        """Look after a socket from now on."""
        self._sockets.add(socket)
        metrics.SOCKETS.inc()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def remove(self, socket: Socket) -> None:
        """Forget a socket."""
        if socket in self._sockets:
            self._sockets.remove(socket)
            metrics.SOCKETS.dec()

    async def announce(self, subscriptions: Iterable[Subscription]) -> None:
        """Say in Valkey what is being looked at."""
        wanted: dict[str, set[str]] = {}
        for one in subscriptions:
            if one.ids is not None:
                wanted.setdefault(one.topic.base, set()).update(one.ids)
            elif one.topic.detailed:
                wanted.setdefault(one.topic.base, set()).add(one.args["mrid"])
        if wanted:
            await reads.call(lambda: note_watched(wanted))

    async def _run(self) -> None:
        while self._sockets:
            await asyncio.sleep(PERIOD_S)
            try:
                await self.round()
            except (redis.RedisError, DatabaseError):
                _log.warning("live sockets were not looked after this time", exc_info=True)

    async def round(self) -> None:
        """Look once after every socket."""
        sockets = list(self._sockets)
        await self._check_sessions(sockets)
        await self._check_numbers(sockets)
        await self.announce(one for s in sockets for one in s.subscriptions.values())
        for socket in sockets:
            if socket.sender.stuck_s() > SLOW_S:
                socket.stop(_CLOSE_SLOW)

    async def _check_sessions(self, sockets: list[Socket]) -> None:
        known = await reads.actors({socket.session_key for socket in sockets})
        for socket in sockets:
            actor = known.get(socket.session_key)
            if actor is None:
                socket.stop(_CLOSE_LOGIN)
            else:
                socket.become(actor)

    async def _check_numbers(self, sockets: list[Socket]) -> None:
        seen = [
            (socket, one)
            for socket in sockets
            for one in socket.subscriptions.values()
            if not one.loading
        ]
        numbers = await reads.sequences(sorted({one.name for _, one in seen}))
        for socket, one in seen:
            if one.falls_behind(numbers[one.name]):
                socket.open_gap(one)


_watchmen: dict[asyncio.AbstractEventLoop, Watchman] = {}


def watchman() -> Watchman:
    """Return the watchman of the running event loop."""
    loop = asyncio.get_running_loop()
    for gone in [known for known in _watchmen if known.is_closed()]:
        del _watchmen[gone]
    return _watchmen.setdefault(loop, Watchman())
