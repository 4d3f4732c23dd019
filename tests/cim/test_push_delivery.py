import datetime as dt
import threading
import time

import pytest
from django.db import connections
from lxml import etree

from derms.alarms.models import Alarm
from derms.cim import names, operations
from derms.cim.markup import leaf, node
from derms.cim.models import CimMessage, OutboundMessage, Partner
from derms.cim.push import delivery, secrets, wire
from derms.cim.pushing import Event, push
from derms.core import clock
from tests.cim.conftest import check_reply
from tests.factories.partners import partner, subscription
from tests.partner.client import Listener

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def heard():
    with Listener() as listener:
        yield listener


@pytest.fixture(autouse=True)
def no_connection_is_left():
    yield
    wire.close_all()


@pytest.fixture
def listener(heard):
    heard.live()
    heard.behave("ok")
    heard.forget()
    return heard


def told(listener, **more):
    """A partner at the listener, subscribed to all groups."""
    return subscription(partner(base_url=listener.url, **more)).partner


def deleted(*groups):
    inner = "".join(node("EndDeviceGroup", leaf("mRID", g)) for g in groups)
    payload = f'<DERGroups xmlns="{names.profile("DERGroups")}">{inner}</DERGroups>'
    return Event("DERGroups", "deleted", payload, groups=groups)


def release(whom):
    """Let the back-off be over."""
    Partner.objects.filter(pk=whom.pk).update(not_before=None)
    OutboundMessage.objects.filter(partner=whom).update(not_before=None)


def run(whom, *, tries=1):
    for _ in range(tries):
        release(whom)
        delivery.deliver(whom.pk)


def test_delivers_and_keeps_the_reply(listener):
    whom = told(listener)
    push(deleted("g1"))

    assert delivery.deliver(whom.pk) == 1

    (message,) = listener.messages()
    row = OutboundMessage.objects.get()
    assert (message["fault"], message["groups"]) == ("", ["g1"])
    assert message["path"] == "61968-5/change/receiveDERGroups"
    assert message["action"] == '"http://iec.ch/TC57/2017/DERGroups/DeletedDERGroups"'
    assert message["message_id"] == row.message_id
    assert (row.state, row.result, row.code, row.attempts) == ("delivered", "OK", "0.0", 1)
    assert bytes(row.body) == b""
    logged = CimMessage.objects.get(mrid=row.mrid)
    assert (logged.direction, logged.result, logged.http_status) == ("out", "OK", 200)
    assert (logged.message_id, logged.client_id) == (row.message_id, whom.client.mrid)
    assert Partner.objects.get().last_delivered_at is not None


def test_what_goes_out_fits_our_own_schema(listener):
    whom = told(listener)
    push(deleted("g1"))
    delivery.deliver(whom.pk)

    soap = etree.fromstring(listener.messages()[0]["body"].encode())

    check_reply(operations.get("DeletedDERGroups").messages, soap[0][0])


def test_the_same_bytes_again_until_it_is_taken(listener):
    whom = told(listener)
    push(deleted("g1"))
    listener.behave("fault", times=2)

    run(whom, tries=3)

    heard = listener.messages()
    assert [m["mode"] for m in heard] == ["fault", "fault", "ok"]
    assert len({m["body"] for m in heard}) == 1
    assert OutboundMessage.objects.get().state == "delivered"
    assert CimMessage.objects.filter(direction="out").count() == 1


@pytest.mark.parametrize(
    ("mode", "more", "error"),
    [
        ("fault", {}, "out of order"),
        ("garbage", {}, "no SOAP"),
        ("close", {}, "Not an HTTP answer"),
        ("redirect", {"to": "http://127.0.0.1:1/"}, "redirects are not followed"),
        ("status", {"status": 503}, "HTTP 503"),
        ("status", {"status": 404}, "HTTP 404"),
        ("refuse", {"code": "5.1"}, "FAILED 5.1: as told"),
        ("slow", {"seconds": 1.5}, "No answer in time"),
    ],
)
def test_waits_for_another_try(listener, mode, more, error):
    whom = told(listener, timeout_s=0.5)
    push(deleted("g1"))
    listener.behave(mode, **more)

    delivery.deliver(whom.pk)

    row = OutboundMessage.objects.get()
    assert (row.state, row.attempts) == ("waiting", 1)
    assert error in row.last_error
    due = Partner.objects.get().not_before or row.not_before
    assert dt.timedelta(seconds=0.2) < due - clock.now() < dt.timedelta(seconds=1.5)
    assert delivery.deliver(whom.pk) == 0, "nothing goes before the back-off is over"


def test_the_last_word_of_a_partner_parks_at_once_with_an_alarm(listener):
    whom = told(listener)
    push(deleted("g1"))
    listener.behave("refuse", code="6.1")

    delivery.deliver(whom.pk)

    row = OutboundMessage.objects.get()
    assert (row.state, row.attempts, row.code) == ("parked", 1, "6.1")
    alarm = Alarm.objects.get()
    assert alarm.source_name == whom.name
    assert "DERGroups deleted" in alarm.condition
    assert "FAILED 6.1" in alarm.condition


def test_parked_after_so_many_tries_and_the_next_message_has_its_turn(listener, settings):
    settings.PUSH_MAX_ATTEMPTS = 3
    whom = told(listener)
    push(deleted("g1"))
    push(deleted("g1"))
    listener.behave("fault", times=3)

    run(whom, tries=3)

    assert [r.state for r in OutboundMessage.objects.order_by("id")] == ["parked", "delivered"]
    alarm = Alarm.objects.get()
    assert alarm.cleared_at is not None, "delivery works again"
    assert Partner.objects.get().alarmed == []


def test_messages_of_a_group_keep_their_order_and_other_groups_go_on(listener):
    whom = told(listener)
    for group in ("g1", "g2", "g1", "g3"):
        push(deleted(group))
    first = OutboundMessage.objects.order_by("id").first()
    OutboundMessage.objects.filter(pk=first.pk).update(
        not_before=clock.now() + dt.timedelta(seconds=60)
    )

    delivery.deliver(whom.pk)

    assert sorted(m["groups"][0] for m in listener.messages()) == ["g2", "g3"]
    run(whom)
    ids = list(
        OutboundMessage.objects.filter(groups=["g1"]).order_by("id").values_list("message_id")
    )
    assert [(m["message_id"],) for m in listener.messages() if m["groups"] == ["g1"]] == ids


def test_a_message_about_several_groups_waits_for_all_of_them(listener):
    whom = told(listener)
    for groups in (("g1",), ("g1", "g2"), ("g2",)):
        push(deleted(*groups))
    listener.behave("slow", seconds=0.2)

    delivery.deliver(whom.pk)

    assert [m["groups"] for m in listener.messages()] == [["g1"], ["g1", "g2"], ["g2"]]


def test_several_groups_are_on_the_wire_at_once_over_kept_connections(listener):
    whom = told(listener)
    for i in range(8):
        push(deleted(f"g{i}"))
    listener.behave("slow", seconds=0.3)
    started = time.monotonic()

    assert delivery.deliver(whom.pk) == 8

    assert time.monotonic() - started < 1.5, "four at once: two rounds of 0.3 s"
    assert len({m["port"] for m in listener.messages()}) == 4


def test_a_silent_partner_is_probed_by_one_message(listener):
    whom = told(listener)
    for i in range(6):
        push(deleted(f"g{i}"))
    listener.die()

    delivery.deliver(whom.pk)
    run(whom, tries=2)

    assert sum(r.attempts for r in OutboundMessage.objects.all()) == 4 + 2
    assert Partner.objects.get().failures >= 3
    listener.live()
    run(whom, tries=2)
    assert not OutboundMessage.objects.exclude(state="delivered").exists()
    assert Partner.objects.get().failures == 0


def test_only_one_worker_at_a_time_holds_a_partner(listener):
    whom = told(listener)
    for _ in range(5):
        push(deleted("g1"))
    listener.behave("slow", seconds=0.1)

    def work():
        try:
            delivery.deliver(whom.pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ids = list(OutboundMessage.objects.order_by("id").values_list("message_id", flat=True))
    assert [m["message_id"] for m in listener.messages()] == ids


def test_a_dead_workers_partner_goes_to_another_when_the_lease_is_over(listener):
    whom = told(listener)
    push(deleted("g1"))
    until = clock.now() + dt.timedelta(seconds=30)
    Partner.objects.filter(pk=whom.pk).update(lease_until=until)
    assert delivery.deliver(whom.pk) == 0
    assert delivery.sweep() == 0
    Partner.objects.filter(pk=whom.pk).update(lease_until=clock.now())

    assert delivery.sweep() == 1
    assert delivery.deliver(whom.pk) == 1


def test_credentials_go_along_and_wrong_ones_put_the_partner_on_hold():
    with Listener(credentials="derms:s3cret") as listener:
        whom = told(listener, auth="basic", username="derms", sealed_secret=secrets.seal("s3cret"))
        push(deleted("g1"))
        delivery.deliver(whom.pk)
        assert OutboundMessage.objects.get().state == "delivered"

        Partner.objects.update(sealed_secret=secrets.seal("wrong"))
        push(deleted("g1"))
        delivery.deliver(whom.pk)

        assert Partner.objects.get().last_error == "HTTP 401"


def test_bearer_credentials_go_along():
    with Listener(credentials="t0ken") as listener:
        whom = told(listener, auth="bearer", sealed_secret=secrets.seal("t0ken"))
        push(deleted("g1"))
        delivery.deliver(whom.pk)

        assert OutboundMessage.objects.get().state == "delivered"


def test_a_service_may_have_an_address_of_its_own(listener):
    whom = told(listener)
    Partner.objects.update(service_urls={"ReceiveDERGroups": f"{listener.url}/own/place"})
    push(deleted("g1"))

    delivery.deliver(whom.pk)

    assert listener.messages()[0]["path"] == "own/place"


def test_nothing_goes_to_a_partner_switched_off(listener):
    whom = told(listener)
    push(deleted("g1"))
    Partner.objects.update(enabled=False)

    assert delivery.deliver(whom.pk) == 0
    assert delivery.sweep() == 0


def test_secrets_are_sealed_and_open_with_any_of_the_keys(settings):
    settings.SECRETS_KEYS = ("old",)
    sealed = secrets.seal("s3cret")
    assert "s3cret" not in sealed

    settings.SECRETS_KEYS = ("new", "old")

    assert secrets.unseal(sealed) == "s3cret"
