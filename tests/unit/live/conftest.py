"""Sockets against the real application, PostgreSQL and Valkey; topics of the tests' own."""

import contextlib
import json

import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import connections

from derms.config.asgi import application
from derms.core import valkey
from derms.live import topics, watchman


class Board:
    """A topic whose rows the test sets."""

    def __init__(self):
        self.rows = []
        self.asked = []

    def snapshot(self, args, actor):
        self.asked.append((args, actor.name))
        return list(self.rows)


class Browser(ApplicationCommunicator):
    """A console's socket: says and hears JSON."""

    def __init__(self, persona, *, origin="http://testserver", protocols=("derms.ui.v1",)):
        cookie = "; ".join(f"{k}={v.value}" for k, v in persona.cookies.items())
        headers = [
            (b"host", b"testserver"),
            (b"origin", origin.encode()),
            (b"cookie", cookie.encode()),
        ]
        scope = {
            "type": "websocket",
            "path": "/ws/ui",
            "query_string": b"",
            "headers": headers,
            "subprotocols": list(protocols),
        }
        super().__init__(application, scope)

    async def connect(self, timeout=3):
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout)
        return answer["type"] == "websocket.accept", answer.get("subprotocol")

    async def disconnect(self):
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(3)

    async def send_text(self, text):
        await self.send_input({"type": "websocket.receive", "text": text})

    async def say(self, **frame):
        await self.send_text(json.dumps(frame))

    async def hear(self, op=None, timeout=3):
        message = await self.receive_output(timeout)
        assert message["type"] == "websocket.send", message
        frame = json.loads(message["text"])
        assert op in (None, frame["op"]), frame
        return frame

    async def watch(self, topic, name="a1", **args):
        await self.say(op="sub", id=name, topic=topic, args=args)
        return await self.hear("snap")

    async def closed_with(self, timeout=3):
        message = await self.receive_output(timeout)
        while message["type"] == "websocket.send":
            message = await self.receive_output(timeout)
        return message["code"]


@contextlib.asynccontextmanager
async def open_browser(persona, **more):
    browser = Browser(persona, **more)
    connected, _ = await browser.connect()
    assert connected
    try:
        assert (await browser.hear())["op"] == "hello"
        yield browser
    finally:
        await browser.disconnect()


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Look after sockets often, and leave no connection open in the reading threads."""
    monkeypatch.setattr(watchman, "PERIOD_S", 0.1)
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    for key in valkey.client().scan_iter("derms:live:*"):
        valkey.client().delete(key)


@pytest.fixture
def register(monkeypatch):
    """Register a topic for this test only."""
    monkeypatch.setattr(topics, "_topics", dict(topics._topics))

    def add(name, permission="groups.read", **more):
        board = Board()
        topics.register(
            topics.Topic(name=name, permission=permission, snapshot=board.snapshot, **more)
        )
        return board

    return add
