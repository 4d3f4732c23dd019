import pytest

from derms.alarms import services
from derms.alarms.models import Alarm
from derms.audit.models import AuditRecord

pytestmark = pytest.mark.django_db


def lost(mrid="d1", priority=2):
    services.raise_alarm(
        kind="comms_lost",
        priority=priority,
        source_type="EndDevice",
        source_mrid=mrid,
        source_name=mrid.upper(),
        condition="No answer for 30 s.",
    )
    return Alarm.objects.get(source_mrid=mrid)


def test_open_alarms_are_listed_newest_first(operator):
    lost("d1")
    lost("d2")

    rows = operator.get("/api/v1/alarms").json()["results"]

    assert [row["source_mrid"] for row in rows] == ["d2", "d1"]
    assert rows[0]["state"] == "unacknowledged_active"


def test_state_and_priority_narrow_the_list(operator):
    lost("d1", priority=1)
    services.acknowledge_alarm(mrid=lost("d2").mrid, actor=operator.actor)

    def found(query):
        return [r["source_mrid"] for r in operator.get(f"/api/v1/alarms?{query}").json()["results"]]

    assert found("state=unacknowledged") == ["d1"]
    assert found("state=active&priority=2") == ["d2"]
    assert operator.get("/api/v1/alarms?state=odd").status_code == 422


def test_acknowledging_names_who_and_why(operator):
    alarm = lost()

    body = operator.post(f"/api/v1/alarms/{alarm.mrid}/acknowledge", {"comment": "crew sent"})

    assert body.json()["acknowledged_by"] == operator.actor.name
    assert body.json()["state"] == "acknowledged_active"
    assert AuditRecord.objects.get(action="alarms.acknowledge").object_mrid == alarm.mrid


def test_second_acknowledgement_changes_nothing(operator, engineer):
    alarm = lost()
    operator.post(f"/api/v1/alarms/{alarm.mrid}/acknowledge", {"comment": "mine"})

    body = engineer.post(f"/api/v1/alarms/{alarm.mrid}/acknowledge", {"comment": "no, mine"})

    assert (body.status_code, body.json()["comment"]) == (200, "mine")
    assert AuditRecord.objects.filter(action="alarms.acknowledge").count() == 1


def test_many_are_acknowledged_at_once(operator):
    mrids = [lost(f"d{n}").mrid for n in range(3)]

    reply = operator.post("/api/v1/alarms/acknowledge", {"mrids": [*mrids, "unknown"]})

    assert reply.json() == {"acknowledged": 3}
    assert operator.post("/api/v1/alarms/acknowledge", {"mrids": []}).status_code == 422


def test_viewer_cannot_acknowledge_and_the_try_is_recorded(viewer):
    alarm = lost()

    reply = viewer.post(f"/api/v1/alarms/{alarm.mrid}/acknowledge")

    assert reply.status_code == 403
    assert Alarm.objects.get().acknowledged_at is None
    record = AuditRecord.objects.get(outcome="refused")
    assert record.action == "rest.alarm-acknowledge.POST"


def test_unknown_alarm_is_not_found(operator):
    assert operator.post("/api/v1/alarms/none/acknowledge").status_code == 404
