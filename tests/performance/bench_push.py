"""From a measured value to 20 partners, one of them dead and one slow; and a tick with no news.

The delivery runs in a real Celery worker, the partners are programs of their own; ticks and sweeps
come once a second, as the beat makes them.
"""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
from django.db import connection, connections

from derms.cim.models import OutboundMessage
from derms.cim.push import delivery, secrets
from derms.core import clock
from derms.core.actors import Role
from derms.devices.fleet import Fleet
from derms.devices.services import store_readings
from groups import services
from groups.choices import DerFunction
from groups.cim.push import StatusPusher
from groups.rules.aggregate import aggregate
from groups.rules.definition import GroupData, MemberKeys
from groups.services import watchers
from groups.services.statuses import StatusKeeper, member_columns
from tests.factories import accounts, devices, partners
from tests.partner.client import Listener
from tests.performance.report import Row, median_s

PARTNERS = 18  # that answer; one slow and one dead come on top
ROUNDS = 40


@contextmanager
def _worker() -> Iterator[None]:
    """Run the push worker of `manage.py up` on the database of this run."""
    at = connection.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{at['USER']}@{at['HOST']}:{at['PORT']}/{at['NAME']}",
        "DJANGO_SETTINGS_MODULE": "derms.config.settings",
    }
    command = [
        *(sys.executable, "-W", "ignore", "-m", "celery", "-A", "derms.config", "worker"),
        *("--queues", "push", "--pool", "threads", "--concurrency", "16", "--without-gossip"),
        *("--without-mingle", "--without-heartbeat", "--loglevel", "error"),
    ]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        while process.stdout.readline() not in ("ready\n", ""):
            pass
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _every_second(*works) -> Iterator[None]:
    over = threading.Event()

    def loop() -> None:
        while not over.wait(1.0):
            for work in works:
                work()
        connections.close_all()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _partner(listener: Listener, name: str, group: str, **more) -> None:
    row = partners.partner(
        Role.DMS,
        base_url=listener.url,
        auth="basic",
        username=name,
        sealed_secret=secrets.seal("x"),
        **more,
    )
    partners.subscription(
        row, "DERGroupStatuses", groups=[group], change_w=1, on_state=False, min_interval_s=0
    )


def _deliveries() -> list[float]:
    """Return the delay of every delivery to a partner that answers [s]."""
    device = devices.make_device(poll_interval_s=60)
    data = GroupData(
        name="PUSH",
        functions=frozenset({DerFunction.REAL_POWER_DISPATCH}),
        members=MemberKeys(mrids=(device.mrid,)),
    )
    group = services.create_group(data=data, actor=accounts.actor()).mrid
    keeper = StatusKeeper(Fleet(), pause_s=0)
    delays: list[float] = []
    with ExitStack() as stack:
        good, slow, dead = (stack.enter_context(Listener(schemas="")) for _ in range(3))
        slow.behave("slow", seconds=2)
        dead.behave("hang", seconds=60)
        for number in range(PARTNERS):
            _partner(good, f"p{number}", group)
        _partner(slow, "slow", group)
        _partner(dead, "dead", group, timeout_s=5)
        stack.enter_context(_worker())
        stack.enter_context(_every_second(keeper.tick, delivery.sweep))
        for number in range(ROUNDS + 2):
            time.sleep(random.uniform(0.2, 1.2))
            power_w = 100.0 + number
            started = time.time()
            store_readings(devices.make_batch([device.pk], power_w))
            heard = _wait_for(good, power_w)
            if number >= 2:  # the first ones open connections
                delays += [at - started for at in heard]
            good.forget()
        assert slow.messages()
        assert dead.messages()
    return delays


def _wait_for(listener: Listener, power_w: float) -> list[float]:
    """Return when each partner heard of this power."""
    mark = f"<nominalYValue>{power_w / 1000:.10g}</nominalYValue>"
    ends = time.monotonic() + 20
    while True:
        found = {m["authorization"]: m["at"] for m in listener.messages() if mark in m["body"]}
        if len(found) == PARTNERS:
            return list(found.values())
        if time.monotonic() > ends:
            raise AssertionError(f"{len(found)} of {PARTNERS} partners heard of {power_w} W")
        time.sleep(0.05)


def _quiet_tick_s() -> float:
    """Return the time to find nothing due: 1,000 groups, 20 subscriptions with all triggers."""
    member = devices.make_device()
    for number in range(1000):
        data = GroupData(
            name=f"Q{number}",
            functions=frozenset({DerFunction.REAL_POWER_DISPATCH}),
            members=MemberKeys(mrids=(member.mrid,)),
        )
        services.create_group(data=data, actor=accounts.actor())
    for _ in range(20):
        partners.subscription(noun="DERGroupStatuses", change_w=100, change_pct=5, period_s=600)
    pusher = StatusPusher()
    keeper = StatusKeeper(Fleet(), pause_s=0)
    keeper.tick()
    fleet = Fleet()
    fleet.refresh()
    keys, positions, offsets = keeper._keys, keeper._positions, keeper._offsets
    status = aggregate(member_columns(fleet), positions, offsets)
    statuses = watchers.Statuses(keys, status, clock.now())
    pusher.tell(statuses)
    assert OutboundMessage.objects.filter(groups__len__gt=1).count() >= 20 * 4
    OutboundMessage.objects.all().delete()
    return median_s(lambda: pusher.tell(statuses), rounds=21)


def run() -> list[Row]:
    watchers.status_watchers[:] = [StatusPusher().tell]
    delays = np.array(_deliveries())
    watchers.status_watchers.clear()
    p50, p99 = np.percentile(delays, [50, 99])
    quiet = _quiet_tick_s()
    return [
        Row("reading stored to 18 of 20 partners, p50", p50, None, "s", goal="<= 2 s",
            held=bool(p50 <= 2)),
        Row("  p99, one partner dead and one slow", p99, None, "s", goal="<= 2 s",
            held=bool(p99 <= 2)),
        Row("nothing due in 1,000 groups, 20 subscriptions", quiet * 1e3, None, "ms",
            goal="< 20 ms", held=quiet < 0.02),
    ]  # fmt: skip
