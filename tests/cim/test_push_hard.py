"""Push under hard conditions: long queues, many dead partners, frozen workers."""

import datetime as dt
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from derms.accounts.models import ApiClient
from derms.cim.models import OutboundMessage, Partner
from derms.cim.push import delivery, wire
from derms.cim.pushing import push, push_to
from derms.core import clock
from tests.cim.test_push_delivery import deleted, told
from tests.factories.partners import partner, subscription
from tests.partner.client import Listener

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener():
    with Listener(schemas="") as found:
        yield found
    wire.close_all()


def test_a_long_queue_of_one_group_does_not_hide_the_others(listener):
    whom = told(listener)
    for _ in range(delivery.WINDOW + 20):
        push(deleted("g1"))
    first = OutboundMessage.objects.order_by("id").first()
    later = clock.now() + dt.timedelta(seconds=60)
    OutboundMessage.objects.filter(pk=first.pk).update(not_before=later)
    push(deleted("g2"))
    push(deleted("g2", "g1"))
    push(deleted("g3"))

    delivery.deliver(whom.pk)

    assert sorted(m["groups"] for m in listener.messages()) == [["g2"], ["g3"]]


def test_a_worker_frozen_before_it_sends_does_not_send_later(listener, monkeypatch):
    """Its partner was taken over meanwhile; what it holds would arrive behind newer messages."""
    monkeypatch.setattr(delivery, "LEASE", dt.timedelta(seconds=0.2))
    whom = told(listener)
    push(deleted("g1"))
    found = delivery._Run.__dict__["_next"]

    def frozen(run, count):
        rows = found(run, count)
        if rows:
            time.sleep(0.5)  # as SIGSTOP would
        return rows

    monkeypatch.setattr(delivery._Run, "_next", frozen)

    delivery.deliver(whom.pk)

    assert listener.messages() == []
    assert OutboundMessage.objects.get().state == "waiting"


def test_nothing_goes_to_a_client_that_was_switched_off(listener):
    whom = told(listener)
    push(deleted("g1"))
    ApiClient.objects.filter(pk=whom.client_id).update(is_active=False)

    assert delivery.sweep() == 0
    assert delivery.deliver(whom.pk) == 0
    assert listener.messages() == []


def test_dead_and_slow_partners_leave_threads_to_the_others(listener):
    """Twenty-four partners that take our connection and never answer; sixteen threads."""
    with Listener(schemas="") as hole, ThreadPoolExecutor(16) as threads:
        hole.behave("hang", seconds=60)
        holes = [
            subscription(partner(base_url=hole.url, timeout_s=4), groups=["dead"])
            for _ in range(24)
        ]
        good = subscription(partner(base_url=listener.url), groups=["good"])
        for _ in range(3):
            push_to(holes, deleted("dead"))

        def work(partner_id):
            try:
                delivery.deliver(partner_id)
            finally:
                connections.close_all()

        over = threading.Event()

        def sweep():
            """Give out what is due each 0.2 s, as the sweep does, without a back-off."""
            while not over.wait(0.2):
                Partner.objects.exclude(pk=good.partner_id).update(not_before=None)
                for each in holes:
                    threads.submit(work, each.partner_id)
                threads.submit(work, good.partner_id)
            connections.close_all()

        sweeper = threading.Thread(target=sweep)
        sweeper.start()
        time.sleep(9)  # all of them have shown what they are
        delays = []
        for number in range(5):
            began = time.monotonic()
            push(deleted("good"))
            listener.wait_for(number + 1, timeout_s=10)
            delays.append(time.monotonic() - began)
        over.set()
        sweeper.join()
        hole.die()

    assert max(delays) < 1.0, delays


@pytest.mark.timeout(200)
@pytest.mark.parametrize("count", [500, pytest.param(5000, marks=pytest.mark.slow)])
def test_a_long_queue_to_a_partner_back_from_the_dead(listener, count):
    whom = told(listener)
    listener.die()
    for group in range(50):
        rows = [whom.subscriptions.get()] * (count // 50)
        push_to(rows, deleted(f"g{group}"))
    delivery.deliver(whom.pk)
    assert Partner.objects.get(pk=whom.pk).failures > 0
    listener.live()
    Partner.objects.update(not_before=None)
    OutboundMessage.objects.update(not_before=None)
    began = time.monotonic()

    while OutboundMessage.objects.filter(state="waiting").exists():
        delivery.deliver(whom.pk)

    rate = count / (time.monotonic() - began)
    heard, wanted = defaultdict(list), defaultdict(list)
    for message in listener.messages():
        heard[message["groups"][0]].append(message["message_id"])
    for row in OutboundMessage.objects.order_by("id"):
        wanted[row.groups[0]].append(row.message_id)
    assert heard == wanted
    assert rate > 20, "messages/s; 123 measured on two busy cores"
