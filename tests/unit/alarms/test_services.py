import pytest

from derms.alarms import selectors, services
from derms.alarms.models import Alarm
from derms.core.actors import SYSTEM
from derms.events.models import OutboxFact
from derms.events.services import relay

pytestmark = pytest.mark.django_db


def lost(mrid="d1", priority=2, **more):
    values = {
        "kind": "comms_lost",
        "priority": priority,
        "source_type": "EndDevice",
        "source_mrid": mrid,
        "source_name": "PV 1",
        "condition": "No answer for 30 s.",
    }
    services.raise_alarm(**values | more)


def test_second_raise_of_an_active_alarm_counts_up():
    lost()
    lost()

    alarm = Alarm.objects.get()
    assert (alarm.count, alarm.cleared_at) == (2, None)


def test_acknowledged_then_cleared_alarm_is_normal():
    lost()
    alarm = services.acknowledge_alarm(mrid=Alarm.objects.get().mrid, comment="seen", actor=SYSTEM)
    services.clear_alarm(kind="comms_lost", source_type="EndDevice", source_mrid="d1")

    row = selectors.row_of(Alarm.objects.get())
    assert (row["state"], row["comment"], alarm.acknowledged_by) == ("normal", "seen", "system")


def many(count, priority=2, kind="comms_lost"):
    return services.raise_many(
        kind=kind,
        priority=priority,
        source_type="EndDevice",
        sources=[(f"d{n}", f"PV {n}") for n in range(count)],
        conditions="No answer.",
    )


def test_mass_loss_is_one_statement_and_few_facts(django_assert_max_num_queries):
    with django_assert_max_num_queries(10):
        assert many(2500) == 2500

    topics = list(OutboxFact.objects.values_list("topic", flat=True))
    assert topics == ["alarms.alarms_changed"] * 3
    assert Alarm.objects.count() == 2500


def test_repeated_mass_loss_is_no_news():
    many(10)
    OutboxFact.objects.all().delete()

    assert many(10) == 0
    assert not OutboxFact.objects.exists()
    assert set(Alarm.objects.values_list("count", flat=True)) == {2}


def test_acknowledged_alarm_that_gets_worse_asks_again():
    lost(priority=3)
    services.acknowledge_alarm(mrid=Alarm.objects.get().mrid, actor=SYSTEM)

    lost(priority=3)
    assert Alarm.objects.get().acknowledged_at is not None
    lost(priority=1)

    alarm = Alarm.objects.get()
    assert (alarm.priority, alarm.acknowledged_at) == (1, None)


def test_cleared_alarm_stays_open_until_acknowledged():
    lost()
    assert (
        services.clear_many(kind="comms_lost", source_type="EndDevice", source_mrids=["d1", "d2"])
        == 1
    )

    row = selectors.row_of(selectors.list_alarms(which="open").get())
    assert row["state"] == "unacknowledged_returned"
    lost()
    assert Alarm.objects.count() == 2


def test_counts_by_priority_tell_active_and_unacknowledged():
    many(3, priority=1)
    many(2, priority=4, kind="other")
    services.acknowledge_many(
        mrids=list(Alarm.objects.filter(priority=1).values_list("mrid", flat=True)[:1]),
        actor=SYSTEM,
    )
    services.clear_alarm(kind="other", source_type="EndDevice", source_mrid="d0")

    assert selectors.count_open() == {
        "1": {"active": 3, "unacknowledged": 2},
        "2": {"active": 0, "unacknowledged": 0},
        "3": {"active": 0, "unacknowledged": 0},
        "4": {"active": 1, "unacknowledged": 2},
    }


def test_same_source_named_twice_is_raised_once():
    services.raise_many(
        kind="k", priority=2, source_type="X", sources=[("a", "A"), ("a", "A")], conditions="c"
    )

    assert Alarm.objects.get().count == 1


def test_broken_audit_chain_is_an_alarm_until_it_is_whole(monkeypatch, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    anchors = tmp_path / "audit" / "anchors.jsonl"
    anchors.parent.mkdir()
    anchors.write_text('{"seq": 5, "hash": "x"}\n')
    services.watch_audit()
    assert Alarm.objects.get().kind == "audit_broken"

    anchors.write_text("")
    services.watch_audit()
    assert Alarm.objects.get().cleared_at is not None


@pytest.mark.django_db(transaction=True)
def test_alarm_reaches_the_browsers_through_its_fact(monkeypatch):
    pushed = []
    monkeypatch.setattr("derms.alarms.handlers.push_tick", lambda *tick: pushed.append(tick))
    lost()

    relay()

    ((topic, rows),) = pushed
    assert (topic, rows[0]["state"]) == ("alarms", "unacknowledged_active")
