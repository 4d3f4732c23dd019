"""Two hundred clients of the CIM door at once, for five minutes, against the whole system.

Each client keeps one connection and lives the life of a DMS: it creates a group of its own, asks
for it and its status and forecast, changes it, dispatches it, deletes it, and begins again, with a
pause between messages. Counted: what was answered how, the time to the answer, and the memory of
the web process after a quarter of the time and at the end. The load runs on the same two cores.
"""

import asyncio
import collections
import contextlib
import logging
import os
import random
import signal
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from lxml import etree

from tests.cim import messages
from tests.performance.report import Row
from tests.runtime.system import System, credentials

CLIENTS, SECONDS, PAUSE_S = 200, int(os.environ.get("DERMS_LOAD_S", "300")), 2.0
_RESULT = "{http://iec.ch/TC57/2011/schema/message}Result"


class Tally:
    """What the clients saw."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.by_path: dict[str, list[float]] = collections.defaultdict(list)
        self.answers: collections.Counter[str] = collections.Counter()

    def note(self, path: str, took: float, answer: httpx.Response) -> None:
        self.times.append(took)
        self.by_path[path].append(took)
        root = etree.fromstring(answer.content)
        result = root.findtext(f".//{_RESULT}") or "none"
        fault = b"<soap:Fault>" in answer.content
        self.answers[f"{answer.status_code} {'FAULT' if fault else result}"] += 1


def run() -> list[Row]:
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line per message else
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder) / "var")
        system.environment["DERMS_SIMULATED_DEVICES"] = "200"
        with system.start():
            secret = credentials(system)["dms"]
            tally, early = asyncio.run(_watched(system, secret))
            after = _memory_mb(system)
            system.send(signal.SIGINT)
    return _rows(tally, early, after)


def _memory_mb(system: System) -> float:
    """Return the proportional memory of the web process and its children [MB]."""
    total = 0
    parents = {system.pid("web")}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent in parents or int(entry.name) in parents:
                text = (entry / "smaps_rollup").read_text()
                total += int(text.partition("Pss:")[2].split()[0])
        except OSError:
            continue
    return total / 1024


async def _watched(system: System, secret: dict[str, str]) -> tuple[Tally, float]:
    """Run the load; returns what it saw, and the memory when a quarter of it was over [MB]."""

    async def early() -> float:
        await asyncio.sleep(SECONDS / 4)  # by then every thread has done every kind of work
        return await asyncio.to_thread(_memory_mb, system)

    tally, memory = await asyncio.gather(_load(system.state["address"], secret), early())
    return tally, memory


async def _load(address: str, secret: dict[str, str]) -> Tally:
    tally = Tally()
    auth = (secret["client_id"], secret["secret"])
    async with contextlib.AsyncExitStack() as stack:
        # A pool each: one pool of 200 connections takes as much time as the answers do.
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=address,
                    auth=auth,
                    timeout=60,
                    trust_env=False,
                    verify=False,
                )
            )
            for _ in range(CLIENTS)
        ]
        columns = (await clients[0].get("/api/v1/devices/columns")).json()["columns"]
        batteries = [m for m, k in zip(columns["mrid"], columns["kind"], strict=True)
                     if k == "battery"]  # fmt: skip
        end = time.monotonic() + SECONDS
        await asyncio.gather(
            *(_live(http, k, batteries, end, tally) for k, http in enumerate(clients))
        )
    return tally


async def _live(
    http: httpx.AsyncClient, number: int, devices: list[str], end: float, tally: Tally
) -> None:
    chance = random.Random(number)
    await asyncio.sleep(chance.uniform(0, PAUSE_S))
    life = 0
    while time.monotonic() < end:
        life += 1
        mine = f"LOAD-{number}-{life}"
        for path, message in _messages(mine, chance.sample(devices, 5), chance):
            started = time.perf_counter()
            answer = await http.post(
                f"/61968-5/{path}", content=messages.soap(message),
                headers={"Content-Type": "text/xml; charset=utf-8"},
            )  # fmt: skip
            tally.note(path, time.perf_counter() - started, answer)
            await asyncio.sleep(chance.uniform(0.5, 1.5) * PAUSE_S)
            if time.monotonic() > end:
                return


def _messages(mrid: str, members: list[str], chance: random.Random) -> list[tuple[str, str]]:
    asked, point = messages.asked(mrid), messages.group(mrid, on=None)
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    power = messages.schedule([chance.uniform(-2, 2)], start=start, duration=1, unit="m")
    return [
        ("create/executeDERGroups",
         messages.create_groups(messages.group(mrid, mrid, members[:4]))),
        ("get/queryDERGroups", messages.query("DERGroupQueries", "DERGroups", asked)),
        ("get/queryDERGroupStatuses",
         messages.query("DERGroupStatusQueries", "DERGroupStatuses", asked)),
        ("change/executeDERGroups", messages.create_groups(
            messages.group(mrid, members=members[4:], on=None), verb="change")),
        ("get/queryDERGroupForecasts", messages.forecast_query(asked, start=start)),
        ("create/executeDERGroupDispatches",
         messages.create_dispatches(messages.dispatch(mrid, schedules=power))),
        ("get/queryDERGroupStatuses",
         messages.query("DERGroupStatusQueries", "DERGroupStatuses", asked)),
        ("change/executeDERGroups", "<oops" if chance.random() < 0.05
         else messages.create_groups(point, verb="delete")),
    ]  # fmt: skip


def _rows(tally: Tally, early: float, after: float) -> list[Row]:
    hundredths = statistics.quantiles(tally.times, n=100)
    bad = {k: n for k, n in tally.answers.items() if k.startswith("5") and k != "500 FAULT"}
    count = len(tally.times)
    print("  ", dict(tally.answers))
    for path, times in sorted(tally.by_path.items()):
        print(f"   {path}: {len(times)}, median {statistics.median(times) * 1e3:.0f} ms")
    return [
        Row(f"{CLIENTS} CIM clients, {SECONDS} s, p99 to the answer", hundredths[98] * 1e3, None,
            "ms", "", "no 5xx but faults", not bad),
        Row(f"  median of {count:,} answers", hundredths[49] * 1e3, None, "ms"),
        Row("  answers a second", count / SECONDS, None, "1/s"),
        Row("  memory of the web process, at the end", after, early, "MB", "after a quarter",
            "<= 1.1", after <= 1.1 * early),
    ]  # fmt: skip
