import dataclasses
import datetime as dt
import threading
import time
import uuid
from typing import ClassVar

import pytest
import time_machine
from django.db import connections, transaction

from derms.alarms.models import Alarm
from derms.audit import services as audit
from derms.audit.models import AuditRecord
from derms.core import clock, correlation, valkey
from derms.core.actors import SYSTEM
from derms.events import registry, selectors, services, tasks
from derms.events.events import FactParked
from derms.events.models import OutboxFact

pytestmark = pytest.mark.django_db(transaction=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Rang:
    topic: ClassVar[str] = "tests.rang"

    number: int
    at: dt.datetime | None = None
    who: uuid.UUID | None = None
    marks: tuple[int, ...] = ()


@pytest.fixture(autouse=True)
def _clean():
    valkey.client().delete(services._WAKE_KEY)
    yield
    registry.unsubscribe(Rang)


@pytest.fixture
def heard():
    """What a plain subscriber heard."""
    facts = []

    @registry.subscribe(Rang)
    def on_rang(fact):
        facts.append(fact)

    return facts


def wakes():
    return valkey.client().llen("celery:core")


def test_fact_comes_back_as_it_was_with_its_correlation(heard):
    fact = Rang(7, at=clock.now(), who=uuid.uuid4(), marks=(1, 2))
    correlation.bind("abc")
    services.publish(fact)
    correlation.bind("other")

    seen = []
    registry.subscribe(Rang)(lambda _: seen.append(correlation.current()))
    assert services.relay() == 1

    assert heard == [fact]
    assert seen == ["abc"]
    assert OutboxFact.objects.get().delivered_at is not None


def test_rolled_back_fact_is_never_heard(heard):
    with transaction.atomic():
        services.publish(Rang(1))
        transaction.set_rollback(True)

    assert services.relay() == 0
    assert heard == []


def test_fact_nobody_wants_is_done_with():
    services.publish(Rang(1))

    assert services.relay() == 1
    assert selectors.get_backlog().waiting == 0


def test_burst_of_facts_wakes_the_relay_once():
    before = wakes()
    for number in range(20):
        services.publish(Rang(number))

    assert wakes() == before + 1
    services.relay()
    services.publish(Rang(99))
    assert wakes() == before + 2


def test_publishing_works_while_valkey_is_away(settings):
    valkey.client.cache_clear()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    try:
        services.publish(Rang(1))
    finally:
        valkey.client.cache_clear()

    assert OutboxFact.objects.count() == 1


def test_raising_handler_is_tried_five_times_then_parked_with_an_alarm():
    tries = []

    @registry.subscribe(Rang)
    def on_rang(fact):
        tries.append(fact)
        raise RuntimeError("no luck")

    services.publish(Rang(1))
    with time_machine.travel(clock.now(), tick=False) as now:
        for _ in range(10):
            services.relay()
            now.shift(200)

    row = OutboxFact.objects.get(topic=Rang.topic)
    assert len(tries) == 5
    assert row.parked_at is not None
    assert row.last_error == "RuntimeError: no luck"
    assert OutboxFact.objects.get(topic=FactParked.topic).delivered_at is not None
    assert Alarm.objects.get().kind == "fact_parked"


def test_parked_fact_can_be_retried(heard):
    services.publish(Rang(1))
    OutboxFact.objects.update(parked_at=clock.now(), attempts=5)
    assert services.relay() == 0

    assert services.retry_parked() == 1
    assert services.relay() == 1
    assert heard == [Rang(1)]


def test_failing_fact_delays_no_other(heard):
    @registry.subscribe(Rang)
    def fails_on_zero(fact):
        return 1 / fact.number

    for number in range(3):
        services.publish(Rang(number))

    assert services.relay() == 2
    assert selectors.get_backlog().waiting == 1


def test_database_effect_of_each_handler_happens_once_though_another_fails():
    fail = [True]

    @registry.subscribe(Rang)
    def writes(fact):
        audit.record(action="tests.heard", object_type="X", actor=SYSTEM)

    @registry.subscribe(Rang)
    def fails_first(fact):
        audit.record(action="tests.second", object_type="X", actor=SYSTEM)
        if fail.pop() if fail else False:
            raise RuntimeError("first time")

    services.publish(Rang(1))
    with time_machine.travel(clock.now(), tick=False) as now:
        assert services.relay() == 0
        now.shift(10)
        assert services.relay() == 1

    found = sorted(AuditRecord.objects.values_list("action", flat=True))
    assert found == ["tests.heard", "tests.second"]


def test_fact_that_changed_shape_is_parked_not_lost(heard):
    services.publish(Rang(1))
    OutboxFact.objects.update(payload={"odd": True}, attempts=4)
    services.relay()

    assert "number" in OutboxFact.objects.get(topic=Rang.topic).last_error
    assert heard == []


def test_fact_of_a_killed_relay_is_delivered_after_its_lease(heard):
    services.publish(Rang(1))
    assert len(services._claim(10)) == 1  # claimed, and the process is gone

    assert services.relay() == 0
    with time_machine.travel(clock.now() + dt.timedelta(seconds=61)):
        assert services.relay() == 1
    assert heard == [Rang(1)]


def test_relay_that_lost_its_lease_has_no_effect():
    @registry.subscribe(Rang)
    def writes(fact):
        audit.record(action="tests.heard", object_type="X", actor=SYSTEM)

    services.publish(Rang(1))
    (late,) = services._claim(10)
    with time_machine.travel(clock.now() + dt.timedelta(seconds=61)):
        assert services.relay() == 1

    assert services._deliver(late) is False
    assert AuditRecord.objects.filter(action="tests.heard").count() == 1


def test_four_relays_deliver_two_hundred_facts_once_each():
    heard = []
    registry.subscribe(Rang)(lambda fact: heard.append(fact.number))
    for number in range(200):
        services.publish(Rang(number))

    def run():
        try:
            while services.relay(limit=20):
                time.sleep(0)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    services.relay()

    assert sorted(heard) == list(range(200))


def test_delivered_facts_are_forgotten_in_time(heard):
    services.publish(Rang(1))
    services.relay()
    services.publish(Rang(2))
    with time_machine.travel(clock.now() + dt.timedelta(days=8)):
        assert services.forget_delivered(older_than=dt.timedelta(days=7)) == 1

    assert OutboxFact.objects.count() == 1


def test_backlog_tells_how_far_behind():
    with time_machine.travel(clock.now(), tick=False) as now:
        services.publish(Rang(1))
        now.shift(90)
        backlog = selectors.get_backlog()

    assert (backlog.waiting, backlog.parked, backlog.oldest_s) == (1, 0, 90.0)


def test_one_topic_has_one_class_and_a_handler_one_place():
    @dataclasses.dataclass(frozen=True)
    class Other:
        topic: ClassVar[str] = Rang.topic

    def on_rang(fact):
        """Hear."""

    registry.subscribe(Rang)(on_rang)
    with pytest.raises(ValueError, match="twice"):
        registry.subscribe(Rang)(on_rang)
    with pytest.raises(ValueError, match="belongs"):
        registry.subscribe(Other)(on_rang)


def test_wake_names_a_task_that_exists():
    assert tasks.relay.name == services.RELAY_TASK
