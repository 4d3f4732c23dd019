"""What a partner may not get is not told to it, and put-off requests ask for the grants again."""

import pytest

from derms.accounts.services import set_grants
from derms.audit.models import AuditRecord
from derms.cim import background, periods
from derms.cim.models import DeferredRequest, OutboundMessage
from derms.cim.pushing import Event, push
from derms.core.actors import SYSTEM, Grant
from derms.devices.fleet import Fleet
from derms.devices.services import store_readings
from derms.events.services import relay
from dispatch.models import EndDeviceControl
from groups import services
from groups.cim.push import StatusPusher
from groups.models import DerGroup
from groups.rules.definition import GroupChange, GroupKey
from groups.services import watchers
from groups.services.statuses import StatusKeeper
from tests.cim.conftest import make_devices as registered
from tests.cim.granting import grant
from tests.cim.messages import control, create_controls, create_groups, group
from tests.cim.test_async import asking
from tests.cim.test_push_groups import make_group
from tests.factories import devices
from tests.factories.controls import answer, run
from tests.factories.partners import partner, subscription

pytestmark = pytest.mark.django_db(transaction=True)
MINE, OTHER = "mine", "other"


def allow(row, *grants):
    """Grant the partner of a subscription (nouns, verbs, groups) triples."""
    wanted = [Grant(*map(frozenset, each)) for each in grants]
    set_grants(mrid=row.partner.client.mrid, grants=wanted, actor=SYSTEM)


@pytest.fixture
def two(engineer):
    """Two groups with a device each that has reported."""
    made = {}
    for mrid in (MINE, OTHER):
        device = devices.make_device()
        store_readings(devices.make_batch([device.pk], 1000.0))
        made[mrid] = make_group(engineer.actor, mrid, [device.mrid], mrid=mrid)
    return made


def told():
    """(noun, groups) of every message written."""
    return [(row.noun, row.groups) for row in OutboundMessage.objects.order_by("id")]


def test_definitions_of_other_groups_are_not_told(engineer, two):
    allow(subscription(), (["DERGroups"], ["get"], [MINE]))

    for mrid in (OTHER, MINE):
        services.change_group(
            key=GroupKey(mrid=mrid), change=GroupChange(description="new"), actor=engineer.actor
        )

    assert told() == [("DERGroups", [MINE])]


def test_neither_are_nouns_it_may_not_get(engineer, two):
    allow(subscription(), (["DERGroupStatuses"], ["get"], []), (["DERGroups"], ["change"], []))

    services.delete_group(key=GroupKey(mrid=MINE), actor=engineer.actor)

    assert told() == []


def test_what_is_about_several_groups_needs_all_of_them(two):
    allow(subscription(), (["DERGroups"], ["get"], [MINE]))

    for groups in ((MINE, OTHER), ()):
        assert push(Event("DERGroups", "changed", "<x/>", groups=groups)) == 0
    assert push(Event("DERGroups", "changed", "<x/>", within=(OTHER, MINE))) == 1


def test_statuses_follow_the_grants_at_once(engineer, two, monkeypatch):
    monkeypatch.setattr(watchers, "status_watchers", [StatusPusher().tell])
    keeper = StatusKeeper(Fleet(), pause_s=0)
    row = subscription(noun="DERGroupStatuses", change_w=1.0)
    allow(row, (["DERGroupStatuses"], ["get"], [MINE]))
    keeper.tick()
    assert told() == [("DERGroupStatuses", [MINE])]
    OutboundMessage.objects.all().delete()

    allow(row, (["DERGroupStatuses"], ["get"], [OTHER]))
    keeper.tick()

    assert told() == [("DERGroupStatuses", [OTHER])]


@pytest.mark.parametrize("noun", ["DERGroupForecasts", "MeterReadings"])
def test_what_is_told_by_the_clock(two, noun):
    row = subscription(noun=noun, period_s=900)
    allow(row, ([noun], ["get"], [MINE]), (["DERGroups"], ["get"], []))

    assert periods.push_due() == 1

    assert told() == [(noun, [MINE])]


def test_events_of_single_devices_of_its_groups(dms_client):
    mine, other = registered(2)
    dms_client.post("create/executeDERGroups", create_groups(group(MINE, "M", [mine])))
    dms_client.post("create/executeDERGroups", create_groups(group(OTHER, "O", [other])))
    allow(subscription(noun="EndDeviceEvents"), (["EndDeviceEvents"], ["get"], [MINE]))

    for mrid in (mine, other):
        dms_client.post("create/executeEndDeviceControls", create_controls(control(devices=[mrid])))
    for row in EndDeviceControl.objects.order_by("id"):
        run(row)
        answer(row)
        run(row)
    relay()

    (message,) = OutboundMessage.objects.filter(noun="EndDeviceEvents")
    assert message.groups == []


def test_put_off_request_is_refused_when_the_grant_is_gone(dms_client):
    address = "http://127.0.0.1:9/replies"
    row = partner(reply_addresses=[address])
    row.client_id = row.client.__class__.objects.get(mrid=dms_client.actor.mrid).pk
    row.save()
    grant(dms_client, (["DERGroups"], ["create"], []))
    said = dms_client.post(
        "create/executeDERGroups", asking(create_groups(group("g1", "G1")), address)
    )
    assert said.codes == ["0.3"]

    grant(dms_client, (["DERGroups"], ["create"], ["g2"]))
    assert background.carry_out(DeferredRequest.objects.get().mrid)

    assert not DerGroup.objects.exists()
    refusal = AuditRecord.objects.get(outcome="refused")
    assert "7.5" in refusal.payload
    assert OutboundMessage.objects.get().verb == "reply"
