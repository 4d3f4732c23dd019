import base64
import datetime as dt

import pytest
import time_machine

from derms.accounts.models import ApiClient
from derms.core import clock
from tests.personas import Persona

pytestmark = pytest.mark.django_db


def test_me_says_who_i_am_and_what_i_may(operator):
    body = operator.get("/api/v1/me").json()

    assert body["username"] == operator.actor.name
    assert body["roles"] == ["operator"]
    assert "dispatches.write" in body["permissions"]
    assert "accounts.write" not in body["permissions"]
    assert body["idle_s"] == 900


def test_stranger_is_asked_to_authenticate(stranger):
    reply = stranger.get("/api/v1/me")

    assert reply.status_code == 401
    assert reply["Content-Type"] == "application/problem+json"
    assert reply["WWW-Authenticate"]


def test_preferences_are_kept(operator):
    operator.patch("/api/v1/me", {"preferences": {"theme": "dark"}})

    assert operator.get("/api/v1/me").json()["preferences"] == {"theme": "dark"}


def test_bearer_token_is_id_and_secret(dms):
    caller = Persona(HTTP_AUTHORIZATION=f"Bearer {dms.client_id}.{dms.secret}")

    assert caller.get("/api/v1/me").json()["username"] == dms.client_id


@pytest.mark.parametrize(
    "header",
    [
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        "Basic " + base64.b64encode(b"dms").decode(),
        "Bearer nobody.secret",
        "Bearer x",
        "Basic",
    ],
)
def test_bad_credentials_are_refused_without_a_crash(header):
    assert Persona(HTTP_AUTHORIZATION=header).get("/api/v1/me").status_code == 401


def test_use_of_a_client_is_noted_once_a_minute(dms):
    with time_machine.travel(clock.now(), tick=False) as now:
        dms.get("/api/v1/me")
        first = ApiClient.objects.get().last_used_at
        now.shift(59)
        dms.get("/api/v1/me")
        assert ApiClient.objects.get().last_used_at == first
        now.shift(2)
        dms.get("/api/v1/me")
        assert ApiClient.objects.get().last_used_at == first + dt.timedelta(seconds=61)


def test_session_ends_when_idle_unless_extended(operator):
    with time_machine.travel(clock.now(), tick=False) as now:
        assert operator.get("/api/v1/me").status_code == 200
        now.shift(890)
        assert operator.get("/api/v1/me", HTTP_X_DERMS_BACKGROUND="1").status_code == 200
        now.shift(20)
        assert operator.get("/api/v1/me").status_code == 401


def test_extending_keeps_the_session_alive(operator):
    with time_machine.travel(clock.now(), tick=False) as now:
        operator.get("/api/v1/me")
        now.shift(890)
        assert operator.post("/api/v1/me/extend").status_code == 200
        now.shift(890)
        assert operator.get("/api/v1/me").status_code == 200


def test_no_session_outlives_twelve_hours(operator):
    with time_machine.travel(clock.now(), tick=False) as now:
        for _ in range(72):
            assert operator.get("/api/v1/me").status_code == 200
            now.shift(600)
        now.shift(10)
        assert operator.get("/api/v1/me").status_code == 401
