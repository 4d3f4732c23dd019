"""Workers killed with SIGKILL while they deliver: nothing lost, order kept, the same MessageID."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from django.db import connection

from derms.cim.models import OutboundMessage
from derms.cim.pushing import push
from tests.cim.test_push_delivery import deleted
from tests.factories.partners import partner, subscription
from tests.partner.client import Listener

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parents[2]
_WORKER = """
import time, django
django.setup()
from derms.cim.models import Partner
from derms.cim.push import delivery
while True:
    for pk in Partner.objects.values_list("pk", flat=True):
        delivery.deliver(pk)
    time.sleep(0.02)
"""


def worker():
    at = connection.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{at['USER']}@{at['HOST']}:{at['PORT']}/{at['NAME']}",
        "DERMS_FAILPOINTS": "push.sending=kill@0.01,push.answered=kill@0.01",
        "DERMS_ENV": "test",
        "DJANGO_SETTINGS_MODULE": "derms.config.settings",
    }
    command = [sys.executable, "-W", "ignore", "-c", _WORKER]
    return subprocess.Popen(command, cwd=ROOT, env=environment)


class Workers:
    """Two workers that are started again whenever they die."""

    def __init__(self):
        self.deaths = 0
        self._running = [worker(), worker()]

    def kill(self):
        for process in self._running:
            process.kill()
            process.wait()

    def replace_the_dead(self):
        for place, process in enumerate(self._running):
            if process.poll() is not None:
                assert process.returncode == -signal.SIGKILL
                self.deaths += 1
                self._running[place] = worker()


def work_until_all_is_delivered(workers):
    """Besides those that die at a point of their own, kill all twice, at any point."""
    kill_when_left, ends = [70, 30], time.monotonic() + 200
    while left := OutboundMessage.objects.exclude(state="delivered").count():
        assert time.monotonic() < ends, "not delivered in time"
        if kill_when_left and left <= kill_when_left[0]:
            kill_when_left.pop(0)
            workers.kill()
        workers.replace_the_dead()
        time.sleep(0.05)


def test_killed_workers_lose_nothing_and_keep_the_order():
    groups = [f"g{i}" for i in range(6)]
    with Listener() as listener:
        subscription(partner(base_url=listener.url))
        for _ in range(15):
            for group in random.sample(groups, len(groups)):
                push(deleted(group))
        workers = Workers()
        try:
            work_until_all_is_delivered(workers)
        finally:
            workers.kill()
        heard = listener.messages()

    assert workers.deaths >= 4
    assert not [m["fault"] for m in heard if m["fault"]]
    wanted, arrived = defaultdict(list), defaultdict(list)
    for row in OutboundMessage.objects.order_by("id"):
        wanted[row.groups[0]].append(row.message_id)
    for message in heard:
        arrived[message["groups"][0]].append(message["message_id"])
    for group in groups:
        # What follows itself is the same message again; nothing else comes twice or late.
        once = [m for i, m in enumerate(arrived[group]) if arrived[group][i - 1 : i] != [m]]
        assert once == wanted[group]
