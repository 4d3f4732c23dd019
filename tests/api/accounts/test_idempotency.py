import threading

import pytest
from django.db import connections
from rest_framework.test import APIClient

from derms.accounts.models import IdempotencyKey, Organisation
from derms.core.actors import Role
from tests.factories import accounts
from tests.personas import person

pytestmark = pytest.mark.django_db
PATH = "/api/v1/organisations"
NEW = {"name": "Sunny", "kind": "aggregator"}


def post(caller, key, body=NEW):
    return caller.post(PATH, body, HTTP_IDEMPOTENCY_KEY=key)


def test_repeated_key_gives_the_first_reply_and_no_second_effect(admin):
    first = post(admin, "k1")
    again = post(admin, "k1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotent-Replay"] == "true"
    assert Organisation.objects.filter(name="Sunny").count() == 1


def test_same_key_for_another_body_is_a_conflict(admin):
    post(admin, "k1")

    reply = post(admin, "k1", NEW | {"name": "Windy"})

    assert (reply.status_code, reply.json()["code"]) == (409, "idempotency_conflict")
    assert not Organisation.objects.filter(name="Windy").exists()


def test_keys_of_two_callers_do_not_meet(admin, persona):
    other = persona(Role.ADMIN)
    post(admin, "k1")

    assert post(other, "k1", NEW | {"name": "Windy"}).status_code == 201


def test_refused_request_leaves_no_key_and_may_be_mended(admin):
    assert post(admin, "k1", NEW | {"kind": "odd"}).status_code == 422
    assert not IdempotencyKey.objects.exists()
    assert post(admin, "k1").status_code == 201


def test_key_of_odd_length_is_refused(admin):
    assert post(admin, "x" * 129).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_ten_duplicates_at_once_take_effect_once():
    callers = [person(Role.ADMIN)]
    session = callers[0].cookies["sessionid"].value
    replies = []
    gate = threading.Barrier(10)

    def run():
        from tests.personas import Persona

        caller = Persona()
        caller.cookies["sessionid"] = session
        gate.wait()
        try:
            replies.append(post(caller, "k1"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [reply.status_code for reply in replies] == [201] * 10
    assert len({reply.content for reply in replies}) == 1
    assert Organisation.objects.filter(name="Sunny").count() == 1


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        (PATH, '{"name": "Sunny", "kind": "aggregator"}', "application/json"),
        ("/api/v1/devices/imports?dry_run=true", "mrid,name\n", "text/csv"),
    ],
)
def test_key_of_a_browser_whose_csrf_token_is_checked(path, body, content_type):
    user = accounts.user(Role.ADMIN, Role.ENGINEER)
    browser = APIClient(enforce_csrf_checks=True)
    browser.get("/login")
    browser.force_login(user)
    token = browser.cookies["csrftoken"].value

    replies = [
        browser.post(
            path, body, content_type=content_type, HTTP_IDEMPOTENCY_KEY="k1",
            HTTP_X_CSRFTOKEN=token,
        )
        for _ in range(2)
    ]  # fmt: skip

    assert [reply.status_code for reply in replies] in ([201, 201], [202, 202])
    assert replies[1].content == replies[0].content
