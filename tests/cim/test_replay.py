"""One effect per client and MessageID, whoever sends how often and when. Section 6 row 21."""

import threading
import time

import pytest
from django.db import connection, transaction

from derms.cim import services
from derms.cim.models import CimMessage
from groups.models import DerGroup
from tests.cim.conftest import Dms
from tests.cim.messages import asked, create_groups, group, query, soap

PATH = "/61968-5/create/executeDERGroups"


def test_repeated_message_gets_the_stored_reply(dms_client):
    body = soap(create_groups(group("", "G"), message_id="once"))

    first = dms_client.raw(PATH, body)
    second = dms_client.raw(PATH, body)

    assert second.content == first.content
    assert b">OK<" in first.content
    assert DerGroup.objects.count() == 1
    logged = CimMessage.objects.get()
    assert (logged.message_id, logged.replays, logged.result) == ("once", 1, "OK")


def test_repeated_refusal_gets_the_stored_reply(dms_client):
    dms_client.raw(PATH, soap(create_groups(group("m", "G"))))
    body = soap(create_groups(group("m", "G"), message_id="twice"))

    first = dms_client.raw(PATH, body)
    DerGroup.objects.all().delete()
    second = dms_client.raw(PATH, body)

    assert b">6.1<" in first.content
    assert second.content == first.content
    assert DerGroup.objects.count() == 0


def test_message_without_id_is_carried_out_each_time(dms_client):
    body = soap(create_groups(group("", "G"), message_id=""))

    first, second = dms_client.raw(PATH, body), dms_client.raw(PATH, body)

    assert (b">OK<" in first.content, b">6.1<" in second.content) == (True, True)


def test_message_id_of_another_client_is_another_message(dms_client, other_client):
    body = soap(create_groups(group("", "G"), message_id="once"))

    first, second = dms_client.raw(PATH, body), other_client.raw(PATH, body)

    assert (b">OK<" in first.content, b">6.1<" in second.content) == (True, True)


def test_message_id_used_for_another_message_is_refused(dms_client):
    dms_client.post("create/executeDERGroups", create_groups(group("m", "G"), message_id="once"))

    said = dms_client.post(
        "create/executeDERGroups", create_groups(group("m2", "H"), message_id="once")
    )

    (error,) = said.errors
    assert (said.result, error["code"]) == ("FAILED", "6.1")
    assert (error["id"], error["kind"]) == ("once", "transaction")
    assert DerGroup.objects.count() == 1


def test_query_is_answered_afresh(dms_client):
    body = soap(query("DERGroupQueries", "DERGroups", asked(), message_id="q"))

    before = dms_client.raw("/61968-5/get/queryDERGroups", body)
    dms_client.raw(PATH, soap(create_groups(group("m", "G"))))
    after = dms_client.raw("/61968-5/get/queryDERGroups", body)

    assert (b">m<" in before.content, b">m<" in after.content) == (False, True)


def test_invalid_message_may_be_corrected_under_its_id(dms_client):
    bad = soap(create_groups(group("m", "G", on=None), message_id="x"))
    good = soap(create_groups(group("m", "G"), message_id="x"))

    assert b">1.8<" in dms_client.raw(PATH, bad).content
    assert b">OK<" in dms_client.raw(PATH, good).content


def test_overlong_message_id_still_counts_once(dms_client):
    body = soap(create_groups(group("", "G"), message_id="x" * 5000))

    first, second = dms_client.raw(PATH, body), dms_client.raw(PATH, body)

    assert first.content == second.content
    assert CimMessage.objects.get().message_id.startswith("sha256:")


def in_threads(works):
    def run(work):
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    return threads


@pytest.mark.django_db(transaction=True)
def test_eight_senders_at_once_have_one_effect_and_one_reply(dms):
    body = soap(create_groups(group("", "G"), message_id="race"))
    replies = []
    gate = threading.Barrier(8)

    def send():
        client = Dms(dms)
        gate.wait()
        replies.append(client.raw(PATH, body).content)

    for thread in in_threads([send] * 8):
        thread.join()

    assert len(set(replies)) == 1
    assert b">OK<" in replies[0]
    assert DerGroup.objects.count() == 1
    assert CimMessage.objects.get().replays == 7


@pytest.mark.django_db(transaction=True)
def test_second_sender_waits_for_the_first_and_is_told_busy_in_the_end(dms, monkeypatch):
    monkeypatch.setattr(services, "_WAIT_S", 1)
    body = soap(create_groups(group("", "G"), message_id="held"))
    replies = []

    with transaction.atomic():  # stands for a first sender whose transaction is not yet over
        CimMessage.objects.create(
            direction="in",
            client_id=dms.actor.mrid,
            message_id="held",
            received_at="2026-11-20T10:00:00Z",
            holds_message_id=True,
        )
        started = time.perf_counter()
        (second,) = in_threads([lambda: replies.append(Dms(dms).raw(PATH, body).content)])
        second.join()
        waited = time.perf_counter() - started
        transaction.set_rollback(True)
    retried = Dms(dms).raw(PATH, body).content

    assert b"<m:code>5.1</m:code>" in replies[0]
    assert waited >= 1
    assert b">OK<" in retried
    assert DerGroup.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_second_sender_carries_out_what_the_first_rolled_back(dms):
    body = soap(create_groups(group("", "G"), message_id="held"))
    replies = []

    with transaction.atomic():
        CimMessage.objects.create(
            direction="in",
            client_id=dms.actor.mrid,
            message_id="held",
            received_at="2026-11-20T10:00:00Z",
            holds_message_id=True,
        )
        (second,) = in_threads([lambda: replies.append(Dms(dms).raw(PATH, body).content)])
        time.sleep(0.5)
        assert replies == []
        transaction.set_rollback(True)
    second.join()

    assert b">OK<" in replies[0]
    assert DerGroup.objects.count() == 1
