import pytest

from derms.alarms import selectors, services
from derms.alarms.models import Alarm
from derms.core.actors import SYSTEM

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
