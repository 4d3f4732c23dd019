"""What alarms hear of, and what browsers hear of alarms."""

from typing import Any

from derms.alarms import selectors, services
from derms.alarms.choices import Priority
from derms.alarms.events import AlarmChanged, AlarmsChanged
from derms.core.actors import Actor
from derms.events.events import FactParked
from derms.events.registry import subscribe
from derms.live import topics
from derms.live.services import push_tick

TOPIC = "alarms"


def _snapshot(_args: dict[str, Any], _actor: Actor) -> list[dict[str, Any]]:
    return selectors.list_rows()


topics.register(topics.Topic(name=TOPIC, permission="alarms.read", snapshot=_snapshot))


@subscribe(AlarmChanged)
def show_alarm(fact: AlarmChanged) -> None:
    """Send the alarm as it is now to everybody watching the list."""
    push_tick(TOPIC, selectors.list_rows(mrids=[fact.mrid]))


@subscribe(AlarmsChanged)
def show_alarms(fact: AlarmsChanged) -> None:
    """Send many alarms as they are now."""
    push_tick(TOPIC, selectors.list_rows(mrids=list(fact.mrids), limit=len(fact.mrids)))


@subscribe(FactParked)
def raise_parked(fact: FactParked) -> None:
    """Tell the operators that something announced inside was never acted on."""
    services.raise_alarm(
        kind="fact_parked",
        priority=Priority.HIGH,
        source_type="OutboxFact",
        source_mrid=str(fact.number),
        source_name=fact.failed_topic,
        condition=f"Fact {fact.number} ({fact.failed_topic}) could not be delivered: {fact.error}",
        response="Have an engineer read the error, then retry the fact.",
    )
