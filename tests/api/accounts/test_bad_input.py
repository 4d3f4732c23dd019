"""Bodies and queries nobody means well with: a 4xx problem each, and nothing changed."""

import pytest
from rest_framework.test import APIClient

from derms.accounts.models import User
from tests.factories import accounts

pytestmark = pytest.mark.django_db
NEW = {"username": "eve", "password": "a long enough phrase", "roles": ["operator"]}


def raw(caller, body, content_type="application/json", path="/api/v1/users", **more):
    return caller.generic("POST", path, body, content_type=content_type, **more)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"1e999",
        b"NaN",
        b'{"username": NaN}',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"username": "\\ud800", "password": "x", "roles": []}',
        b'{"username": "\\u0000", "password": "x", "roles": []}',
        b'{"username": ["x"], "password": {}, "roles": "operator"}',
        b'{"username": "eve", "password": "a long enough phrase", "roles": ["king"]}',
        b'{"username": "eve", "password": "a long enough phrase", "roles": [["operator"]]}',
    ],
)
def test_bad_body_is_a_client_error(admin, body):
    reply = raw(admin, body)

    assert reply.status_code in {400, 422}
    assert reply["Content-Type"] == "application/problem+json"
    assert User.objects.count() == 1


def test_other_media_types_are_refused(admin):
    assert raw(admin, b"<a/>", "text/xml").status_code == 415


def test_announced_hundred_gigabytes_are_refused_unread(admin):
    reply = raw(admin, b"{}", CONTENT_LENGTH=str(100 * 2**30))

    assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "path",
    ["users/%00", "users/%ff", "users?cursor=x", "users?cursor=%00", "users?page_size=-1",
     "audit?actor=%00", "audit?from=9999999999", "alarms?priority=9", "alarms?cursor=bzk5"],
)  # fmt: skip
def test_odd_paths_and_queries_are_no_crash(persona, path):
    from derms.core.actors import Role

    caller = persona(Role.ADMIN, Role.OPERATOR)

    assert caller.get(f"/api/v1/{path}").status_code in {200, 404, 422}


def test_preferences_with_nul_are_refused(operator):
    reply = operator.patch("/api/v1/me", {"preferences": {"a": "\0"}})

    assert reply.status_code == 422
    assert operator.get("/api/v1/me").json()["preferences"] == {}


def test_preferences_have_a_limit(operator):
    assert operator.patch("/api/v1/me", {"preferences": {"a": "x" * 70_000}}).status_code == 422


def test_session_without_csrf_token_changes_nothing():
    user = accounts.user()
    caller = APIClient(enforce_csrf_checks=True)
    caller.force_login(user)

    assert caller.get("/api/v1/me").status_code == 200
    assert caller.post("/api/v1/me/extend").status_code == 403


def test_unknown_route_below_api_is_not_the_console(operator):
    assert operator.get("/api/v1/nothing").status_code == 404
