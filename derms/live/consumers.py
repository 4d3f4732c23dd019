"""The WebSocket of the console: subscriptions in, snapshots and numbered deltas out.

Protocol `derms.ui.v1`: docs/how-to-add/resource.md. The Origin header is checked before a
connection gets here (`derms/config/origins.py`).
"""

import asyncio
import functools
import logging
from collections import defaultdict
from typing import Any

import orjson
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.utils import await_many_dispatch
from django.conf import settings

from derms.accounts.permissions import has_permission
from derms.core import clock, metrics
from derms.core.actors import Actor
from derms.core.errors import DermsError, ForbiddenError, InvalidInputError, RuleViolationError
from derms.live import reads, topics
from derms.live.filtering import FilterQueue
from derms.live.sender import Sender
from derms.live.services import group_name
from derms.live.subscriptions import Subscription, Verdict
from derms.live.watchman import watchman

PROTOCOL = "derms.ui.v1"
CLOSE_PROTOCOL = 4400
CLOSE_LOGIN = 4401
CLOSE_SLOW = 4408
CLOSE_TOO_MANY = 4429
_MAX_SUBSCRIPTIONS = 64
_MAX_REQUEST = 64 * 1024
_MAX_REQUESTS_PER_S = 50
_log = logging.getLogger(__name__)


class UiConsumer(AsyncWebsocketConsumer):  # type: ignore[misc] # channels carries no types
    """One browser tab."""

    actor: Actor
    sender: Sender
    session_key: str

    def __init__(self) -> None:
        super().__init__()
        self.subscriptions: dict[str, Subscription] = {}
        self._by_topic: dict[str, list[Subscription]] = defaultdict(list)
        self._filters = FilterQueue(self._deliver, self.open_gap)
        self._own: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = False
        self._requests = 0
        self._second = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As AsyncConsumer, with a third source of messages: what we tell ourselves."""
        self.scope = scope
        self.base_send = send
        self.channel_layer = get_channel_layer()
        self.channel_name = await self.channel_layer.new_channel()
        sources = [
            receive,
            functools.partial(self.channel_layer.receive, self.channel_name),
            self._own.get,
        ]
        try:
            await await_many_dispatch(sources, self.dispatch)
        except StopConsumer:
            pass
        finally:
            await self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Deltas are the many: they take the short way, without a thread for old connections."""
        if message["type"] == "live.tick":
            self._take_tick(message)
        else:
            await super().dispatch(message)

    # --- coming and going ---------------------------------------------------------------

    async def connect(self) -> None:
        """Take the connection if it speaks our protocol and belongs to a live session."""
        if PROTOCOL not in self.scope.get("subprotocols", []):
            await self.accept()
            await self.close(CLOSE_PROTOCOL)
            return
        await self.accept(subprotocol=PROTOCOL)
        self.session_key = self.scope["session"].session_key or ""
        actor = (await reads.actors([self.session_key])).get(self.session_key)
        if actor is None:
            await self.close(CLOSE_LOGIN)
            return
        self.actor = actor
        self.sender = Sender(self._write)
        self._open = True
        watchman().add(self)
        self._say(
            op="hello",
            server_time=clock.now(),
            build=settings.BUILD_ID,
            mode=settings.MODE_TAG,
        )

    async def _write(self, text: str) -> None:
        await self.send(text_data=text)

    def stop(self, code: int) -> None:
        """Close the connection from outside the message loop."""
        metrics.LIVE_CLOSED.labels(str(code)).inc()
        self._own.put_nowait({"type": "live.stop", "code": code})

    async def live_stop(self, message: dict[str, Any]) -> None:
        """Say why, as far as the network still takes it, and end."""
        await self.sender.finish()
        try:
            await asyncio.wait_for(self.close(message["code"]), timeout=2)
        except (TimeoutError, OSError):
            _log.info("closed a socket that did not read any more")
        raise StopConsumer

    async def disconnect(self, code: int) -> None:
        """Nothing to do: `_leave` runs however the connection ends."""

    async def _leave(self) -> None:
        watchman().remove(self)
        for task in self._tasks:
            task.cancel()
        for name in list(self._by_topic):
            await self.channel_layer.group_discard(group_name(name), self.channel_name)
        self._by_topic.clear()
        await self._filters.finish()
        if self._open:
            self._open = False
            await self.sender.finish()

    # --- what the browser says ----------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Answer one request; a bad one gets an error frame and changes nothing."""
        if not self._open or self._is_flooding():
            return
        request: dict[str, Any] = {}
        try:
            request = _read(text_data or "")
            await self._answer(request)
        except DermsError as error:
            self._say_error(str(request.get("id", ""))[:64], error)

    def _is_flooding(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._second > 1:
            self._second, self._requests = now, 0
        self._requests += 1
        if self._requests == _MAX_REQUESTS_PER_S + 1:
            self.stop(CLOSE_TOO_MANY)
        return self._requests > _MAX_REQUESTS_PER_S

    async def _answer(self, request: dict[str, Any]) -> None:
        match request.get("op"):
            case "ping":
                self._say(op="pong", server_time=clock.now())
            case "sub":
                await self._subscribe(request)
            case "unsub":
                await self._drop(str(request.get("id", "")))
            case _:
                raise InvalidInputError("op must be sub, unsub or ping.", field="op")

    async def _subscribe(self, request: dict[str, Any]) -> None:
        subscription = _subscription(request, self.actor)
        await self._drop(subscription.id)
        if len(self.subscriptions) >= _MAX_SUBSCRIPTIONS:
            raise RuleViolationError(
                f"At most {_MAX_SUBSCRIPTIONS} subscriptions.", code="too_many"
            )
        self.subscriptions[subscription.id] = subscription
        first = not self._by_topic[subscription.name]
        self._by_topic[subscription.name].append(subscription)
        if first:
            await self.channel_layer.group_add(group_name(subscription.name), self.channel_name)
        self._start(self._load(subscription))

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load(self, subscription: Subscription) -> None:
        """Send the snapshot and then what came meanwhile; a picked topic looks a second time.

        Pushing processes learn of newly picked rows within a second; what changed in that second
        is in the second snapshot.
        """
        try:
            await watchman().announce([subscription])
            await self._snap(subscription)
            if subscription.topic.picked:
                await asyncio.sleep(1.5)
                await self._snap(subscription)
        except DermsError as error:
            await self._drop(subscription.id)
            self._say_error(subscription.id, error)
        except Exception:  # noqa: BLE001 - the door: it becomes the subscriber's error frame
            _log.exception("snapshot of %s failed", subscription.name)
            await self._drop(subscription.id)
            self._say_error(subscription.id, DermsError("The snapshot failed."))

    async def _snap(self, subscription: Subscription) -> None:
        if self.subscriptions.get(subscription.id) is not subscription:
            return
        subscription.loading = True
        seq, data = await reads.snapshot(subscription, self.actor)
        if self.subscriptions.get(subscription.id) is not subscription:
            return
        waiting = subscription.load(seq)
        frame = {"op": "snap", "id": subscription.id, "topic": subscription.name, "seq": seq}
        body = orjson.dumps({**frame, "data": data}, option=_JSON, default=str)
        self.sender.put(body, owner=subscription.id)
        for number, delta in waiting:
            self._offer(subscription, number, delta)

    async def _drop(self, subscription_id: str) -> None:
        subscription = self.subscriptions.pop(subscription_id, None)
        if subscription is None:
            return
        self.sender.forget(subscription_id)
        self._filters.forget(subscription)
        others = self._by_topic[subscription.name]
        others.remove(subscription)
        if not others:
            del self._by_topic[subscription.name]
            await self.channel_layer.group_discard(group_name(subscription.name), self.channel_name)

    # --- what the browser is told -------------------------------------------------------

    def _take_tick(self, message: dict[str, Any]) -> None:
        for subscription in list(self._by_topic.get(message["topic"], ())):
            self._offer(subscription, message["seq"], message["body"].encode())

    def _offer(self, subscription: Subscription, seq: int, body: bytes) -> None:
        match subscription.judge(seq, body):
            case Verdict.SEND:
                self._pass_on(subscription, seq, body)
            case Verdict.GAP:
                self.open_gap(subscription)

    def _pass_on(self, subscription: Subscription, seq: int, body: bytes) -> None:
        """Send a delta at once, or through the filter that asks the database about its rows."""
        wanted = subscription.topic.filter_for(self.actor)
        if wanted is None:
            self._deliver(subscription, seq, subscription.frame(seq, body, None))
        elif not self._filters.put(subscription, seq, body, wanted):
            self.open_gap(subscription)

    def _deliver(self, subscription: Subscription, seq: int, frame: bytes) -> None:
        """Send a frame, unless its subscription is over or has had a later snapshot meanwhile."""
        if self.subscriptions.get(subscription.id) is not subscription:
            return
        if seq > subscription.snapped and not self.sender.put(frame, owner=subscription.id):
            self.open_gap(subscription)

    def open_gap(self, subscription: Subscription) -> None:
        """Tell the browser that it has missed something and must subscribe again."""
        if self.subscriptions.get(subscription.id) is subscription:
            self._start(self._gap(subscription))

    async def _gap(self, subscription: Subscription) -> None:
        metrics.LIVE_GAPS.inc()
        await self._drop(subscription.id)
        self._say(op="gap", id=subscription.id)

    def become(self, actor: Actor) -> None:
        """Go on with other rights: what may no longer be seen stops at once."""
        if actor == self.actor:
            return
        self.actor = actor
        for subscription in list(self.subscriptions.values()):
            if not has_permission(actor, subscription.topic.permission):
                self._start(self._revoke(subscription))
            elif subscription.name == "me":
                self._start(self._load(subscription))
            elif subscription.topic.visible is not None:
                self.open_gap(subscription)

    async def _revoke(self, subscription: Subscription) -> None:
        await self._drop(subscription.id)
        self._say_error(subscription.id, ForbiddenError("You may no longer see this."))

    def _say(self, **frame: Any) -> None:
        if self._open:
            self.sender.put(orjson.dumps(frame, option=_JSON, default=str))

    def _say_error(self, subscription_id: str, error: DermsError) -> None:
        self._say(op="error", id=subscription_id, code=error.code, message=error.message)


_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def _read(text: str) -> dict[str, Any]:
    if len(text) > _MAX_REQUEST:
        raise InvalidInputError("A request has at most 64 kB.")
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError("This is not JSON.") from error
    if not isinstance(request, dict):
        raise InvalidInputError("A request is a JSON object.")
    return request


def _subscription(request: dict[str, Any], actor: Actor) -> Subscription:
    """Read a subscription request.

    Raises:
        InvalidInputError: id, topic or args do not fit.
        NotFoundError: no such topic.
        ForbiddenError: the actor may not see it.
    """
    name, wanted, args = request.get("topic"), request.get("id"), request.get("args") or {}
    if not isinstance(wanted, str) or not 1 <= len(wanted) <= 64:
        raise InvalidInputError("id must be a text of 1 to 64 characters.", field="id")
    if not isinstance(name, str) or not isinstance(args, dict):
        raise InvalidInputError("topic must be a text and args an object.", field="topic")
    topic, mrid = topics.find_topic(name)
    if not has_permission(actor, topic.permission):
        raise ForbiddenError("You may not see this.")
    ids = topics.picked_ids(topic, args)
    if mrid:
        args = {**args, "mrid": mrid}
    return Subscription(id=wanted, name=name, topic=topic, args=args, ids=ids)
