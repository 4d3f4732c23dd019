"""Certificates of API clients that end soon are alarms, until the client has another one."""

import datetime as dt

from derms.accounts import services as accounts
from derms.alarms import services
from derms.alarms.models import Alarm
from derms.core.actors import SYSTEM, Role
from tests.certificates import pair
from tests.personas import system

DAY = dt.timedelta(days=1)


def register(client, days):
    one = pair(ends=days * DAY)
    accounts.register_certificate(mrid=client.actor.mrid, pem=one.pem, actor=SYSTEM)
    return one


def active():
    services.watch_certificates()
    rows = Alarm.objects.filter(kind="certificate_ending", cleared_at__isnull=True)
    return {(row.source_name, row.priority) for row in rows}


def test_alarm_within_30_and_7_days(db):
    far, soon, urgent = (system(Role.DMS) for _ in range(3))
    for client, days in ((far, 31), (soon, 29), (urgent, 6)):
        register(client, days)

    assert active() == {(soon.client_id, 3), (urgent.client_id, 2)}
    said = Alarm.objects.get(source_name=urgent.client_id).condition
    assert "expires in 6 days" in said


def test_roll_over_and_revocation_clear_it(db):
    rolled, revoked = system(Role.DMS), system(Role.DMS)
    register(rolled, 5)
    gone = register(revoked, 5)
    assert len(active()) == 2

    register(rolled, 365)
    accounts.revoke_certificate(
        mrid=revoked.actor.mrid, sha256=gone.sha256, reason="lost", actor=SYSTEM
    )

    assert active() == set()
