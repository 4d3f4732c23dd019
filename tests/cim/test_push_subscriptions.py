import zlib

import pytest
from django.db import transaction

from derms.accounts.services import update_client
from derms.cim.models import OutboundMessage
from derms.cim.pushing import Event, push
from derms.core.actors import SYSTEM, Role
from tests.factories.partners import partner, subscription

pytestmark = pytest.mark.django_db

CREATED = Event("DERGroups", "created", "<DERGroups/>", groups=("g1",))


def test_writes_one_message_for_each_partner_that_subscribed():
    first, second = subscription(), subscription()
    subscription(noun="DERGroupStatuses")

    assert push(CREATED) == 2

    rows = list(OutboundMessage.objects.order_by("id"))
    assert [row.subscription for row in rows] == [first, second]
    assert len({row.message_id for row in rows}) == 2
    for row in rows:
        wire = zlib.decompress(row.body).decode()
        assert "<DERGroups/>" in wire
        assert row.message_id in wire
    assert {(row.state, row.attempts, tuple(row.groups)) for row in rows} == {
        ("waiting", 0, ("g1",))
    }


def test_two_subscriptions_of_a_partner_make_one_message():
    one = partner()
    subscription(one, groups=["g1"])
    subscription(one)

    assert push(CREATED) == 1


@pytest.mark.parametrize(("groups", "told"), [(["g1"], 1), (["g2", "g1"], 1), (["g2"], 0), ([], 1)])
def test_listed_groups_decide(groups, told):
    subscription(groups=groups)

    assert push(CREATED) == told


def test_an_event_of_no_group_reaches_subscribers_of_all_groups_only():
    subscription(groups=["g1"])
    subscription()

    assert push(Event("DERGroups", "created", "<x/>")) == 1


def test_nothing_for_those_switched_off():
    subscription(active=False)
    subscription(on_change=False)
    subscription(partner(enabled=False))
    gone = subscription()
    update_client(mrid=gone.partner.client.mrid, is_active=False, actor=SYSTEM)

    assert push(CREATED) == 0


def test_the_client_that_caused_it_is_not_told():
    mine = subscription()
    subscription()

    event = Event("DERGroups", "changed", "<x/>", ("g1",), origin=mine.partner.client.mrid)

    assert push(event) == 1
    assert OutboundMessage.objects.get().subscription != mine


def test_an_aggregator_hears_of_its_own_objects_only():
    mine = subscription(partner(Role.AGGREGATOR, kind="aggregator"))
    own = mine.partner.client.organisation.mrid

    assert push(CREATED) == 0
    assert push(Event("DERGroups", "created", "<x/>", ("g1",), owners=("other",))) == 0
    assert push(Event("DERGroups", "created", "<x/>", ("g1",), owners=(own,))) == 1


def test_operation_sets_go_to_subscribers_of_the_noun():
    subscription()

    assert push(Event("OperationSet", "executed", "<x/>", ("g1",))) == 1


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_cause_tells_nobody():
    subscription()

    with transaction.atomic():
        assert push(CREATED) == 1
        transaction.set_rollback(True)

    assert not OutboundMessage.objects.exists()
