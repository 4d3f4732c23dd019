"""The socket process as it runs: uvicorn in a process of its own, a real client over TCP."""

import asyncio
import contextlib
import json
import os
import secrets
import statistics
import subprocess
import sys
import time

import pytest
import websockets
from asgiref.sync import sync_to_async
from django.db import connection

from derms.config import embedded
from derms.live import services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(transactional_db, tmp_path):
    """Run uvicorn with the ASGI application on the test database; returns its port."""
    port = embedded.free_port()
    parts = connection.settings_dict
    url = f"postgresql://{parts['USER']}@{parts['HOST']}:{parts['PORT']}/{parts['NAME']}"
    environment = os.environ | {"DATABASE_URL": url, "DERMS_VAR_DIR": str(tmp_path)}
    command = [
        *(sys.executable, "-m", "uvicorn", "derms.config.asgi:application"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"),
        *("--ws-ping-interval", "20", "--ws-ping-timeout", "20"),
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait(port, process, tmp_path / "log")
        yield port
    finally:
        process.terminate()
        process.wait(10)
    said = (tmp_path / "log").read_text()
    assert "Traceback" not in said, said


def _wait(port, process, log):
    try:
        embedded.wait_for_port(port, timeout_s=30, process=process)
    except embedded.EmbeddedError as error:
        raise AssertionError(log.read_text()) from error


@contextlib.asynccontextmanager
async def open_socket(port, persona, **more):
    cookie = "; ".join(f"{k}={v.value}" for k, v in persona.cookies.items())
    host = f"127.0.0.1:{port}"
    async with websockets.connect(
        f"ws://{host}/ws/ui",
        subprotocols=["derms.ui.v1"],
        origin=f"http://{host}",
        additional_headers={"Cookie": cookie},
        max_size=None,
        **more,
    ) as socket:
        assert json.loads(await socket.recv())["op"] == "hello"
        yield socket


async def subscribe(socket, topic="alarms"):
    await socket.send(json.dumps({"op": "sub", "id": "a1", "topic": topic}))
    snap = json.loads(await socket.recv())
    assert snap["op"] == "snap", snap
    return snap


async def _until_closed(socket):
    with contextlib.suppress(websockets.ConnectionClosed):
        while True:
            yield await asyncio.wait_for(socket.recv(), 5)


async def test_pushed_rows_reach_a_browser_within_a_tenth_of_a_second(server, operator):
    push = sync_to_async(services.push_tick, thread_sensitive=False)
    waits = []
    async with open_socket(server, operator) as socket:
        await subscribe(socket)
        for number in range(100):
            began = time.perf_counter()
            await push("alarms", [{"mrid": "a", "n": number}])
            assert json.loads(await socket.recv())["data"][0]["n"] == number
            waits.append(time.perf_counter() - began)

    assert statistics.quantiles(waits, n=100)[94] < 0.1


async def test_browser_that_does_not_read_loses_frames_but_not_the_server(server, operator):
    push = sync_to_async(services.push_tick, thread_sensitive=False)
    rows = [{"mrid": "a", "text": secrets.token_hex(100_000)}]  # nothing to compress
    async with (
        open_socket(server, operator, max_queue=1) as slow,
        open_socket(server, operator) as quick,
    ):
        await subscribe(slow)
        await subscribe(quick)
        for _ in range(150):
            await push("alarms", rows)
            assert json.loads(await quick.recv())["op"] == "delta"
        await asyncio.sleep(14)
        late = [json.loads(frame)["op"] async for frame in _until_closed(slow)]
        assert len(late) < 150
        await push("alarms", rows)
        assert json.loads(await quick.recv())["op"] == "delta"
