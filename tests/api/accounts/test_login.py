import pytest
from django.test import Client

from derms.audit.models import AuditRecord
from derms.core import valkey
from derms.core.actors import Role
from tests.factories import accounts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_counters():
    for key in valkey.client().scan_iter("derms:login:*"):
        valkey.client().delete(key)


def log_in(client, username, password=accounts.PASSWORD, address="10.0.0.1", **data):
    return client.post(
        "/login", {"username": username, "password": password, **data}, REMOTE_ADDR=address
    )


def test_right_password_starts_a_fresh_session_and_goes_on():
    user = accounts.user()
    client = Client()
    client.get("/login")
    session = client.session
    session["planted"] = 1
    session.save()
    planted = session.session_key
    client.cookies["sessionid"] = planted

    reply = log_in(client, user.username, next="/groups")

    assert (reply.status_code, reply["Location"]) == (302, "/groups")
    assert client.cookies["sessionid"].value != planted
    assert AuditRecord.objects.get(action="accounts.log_in").outcome == "done"


def test_login_never_redirects_to_another_host():
    reply = log_in(Client(), accounts.user().username, next="https://evil.example/")

    assert reply["Location"] == "/"


@pytest.mark.parametrize(
    ("roles", "wanted", "page"),
    [
        ((Role.ENGINEER,), "/", "/integration"),
        ((Role.ENGINEER, Role.OPERATOR), "/", "/"),
        ((Role.VIEWER,), "/", "/"),
        ((Role.ENGINEER,), "/groups", "/groups"),
    ],
)
def test_engineers_begin_with_the_health_of_integration(roles, wanted, page):
    user = accounts.user(*roles)

    assert log_in(Client(), user.username, next=wanted)["Location"] == page


def test_wrong_password_is_refused_and_recorded():
    user = accounts.user()

    reply = log_in(Client(), user.username, "wrong")

    assert reply.status_code == 401
    assert b'role="alert"' in reply.content
    assert AuditRecord.objects.get(action="accounts.log_in").outcome == "refused"


def test_login_page_carries_nothing_inline():
    page = Client().get("/login").content.decode()

    assert "<script" not in page
    assert "style=" not in page
    assert "/static/login.css" in page


def test_login_demands_the_csrf_token():
    assert log_in(Client(enforce_csrf_checks=True), "somebody").status_code == 403


def test_eleventh_attempt_from_one_address_waits():
    user = accounts.user()
    for _ in range(10):
        assert log_in(Client(), user.username, "wrong").status_code == 401

    reply = log_in(Client(), user.username)

    assert reply.status_code == 429
    assert 0 < int(reply["Retry-After"]) <= 300


def test_attack_from_elsewhere_does_not_lock_the_operator_out():
    user = accounts.user()
    assert log_in(Client(), user.username, address="10.0.0.1").status_code == 302
    for number in range(60):
        log_in(Client(), user.username, "wrong", address=f"10.9.0.{number}")

    assert log_in(Client(), user.username, address="10.9.1.1").status_code == 429
    assert log_in(Client(), user.username, address="10.0.0.1").status_code == 302


def test_one_address_cannot_try_many_names():
    replies = [log_in(Client(), f"name{n}", "wrong").status_code for n in range(51)]

    assert replies.count(401) == 50
    assert replies[-1] == 429


def test_logout_needs_post_and_ends_the_session(operator):
    assert operator.get("/logout").status_code == 405
    assert operator.post("/logout")["Location"] == "/login"
    assert operator.get("/api/v1/me").status_code == 401


def test_argon2_is_what_the_product_uses():
    from derms.config.settings import base

    assert base.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
