"""What the roof itself answers: health, metrics, the console's page, origins, correlation."""

import pytest
from django.conf import settings
from django.test import RequestFactory

from derms.config import console
from derms.config.origins import is_own_origin, only_own_origins


def test_live_answers_without_login_or_database(client):
    reply = client.get("/health/live")

    assert (reply.status_code, reply.json()["status"]) == (200, "live")


def test_ready_names_what_was_checked(client, db):
    reply = client.get("/health/ready")

    assert reply.status_code == 200
    assert reply.json()["checks"] == {"database": "ok", "valkey": "ok"}


def test_ready_is_503_without_valkey(client, db, settings):
    from derms.core import valkey

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    valkey.client.cache_clear()

    reply = client.get("/health/ready")

    valkey.client.cache_clear()
    assert reply.status_code == 503
    assert reply.json()["checks"]["valkey"] == "unreachable"


def test_metrics_count_requests_by_route(client):
    client.get("/health/live")

    text = client.get("/metrics").content.decode()

    line = 'derms_http_request_seconds_count{method="GET",route="health/live",status="200"}'
    assert line in text


def test_console_asks_for_a_login_first(client):
    reply = client.get("/groups/1?tab=trend")

    assert reply.status_code == 302
    assert reply.url == "/login?next=/groups/1%3Ftab%3Dtrend"


def test_an_unknown_path_of_the_api_is_not_the_console(client):
    assert client.get("/api/v1/nothing").status_code == 404
    assert client.get("/static/nothing.js").status_code == 404


@pytest.fixture
def page(tmp_path, settings):
    (tmp_path / "index.html").write_text('<meta content="{{ socket_url }}"><b>{{ build }}</b>')
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]


def test_console_page_carries_socket_address_build_and_csrf_cookie(page, operator):
    reply = operator.get("/groups/7")

    address = f"ws://testserver:{settings.SOCKET_PORT}/ws/ui"
    assert reply.content.decode() == f'<meta content="{address}"><b>{settings.BUILD_ID}</b>'
    assert settings.CSRF_COOKIE_NAME in reply.cookies
    assert "no-store" in reply.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("configured", "secure", "expected"),
    [
        ("", False, "ws://derms.example:8001/ws/ui"),
        ("/ws/ui", True, "wss://derms.example:8443/ws/ui"),
        ("wss://sockets.example/ws/ui", True, "wss://sockets.example/ws/ui"),
    ],
)
def test_socket_address_keeps_the_host_of_the_page(settings, configured, secure, expected):
    settings.ALLOWED_HOSTS = ["derms.example"]
    settings.SOCKET_URL, settings.SOCKET_PORT = configured, 8001
    request = RequestFactory().get("/", secure=secure, headers={"host": "derms.example:8443"})

    assert console.socket_url(request) == expected


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://derms.example", True),
        ("http://127.0.0.1:8000", True),
        ("http://127.0.0.1:8001", False),
        ("https://derms.example.evil.example", False),
        ("https://derms.example:444", False),
        ("file://derms.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_only_pages_of_ours_may_open_a_socket(settings, origin, allowed):
    settings.SOCKET_ORIGINS = ["http://127.0.0.1:8000"]

    assert is_own_origin(origin, "derms.example") is allowed


async def test_a_foreign_origin_is_closed_before_the_session_is_read():
    sent = []

    async def inner(*_):
        raise AssertionError("must not be reached")

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"derms.example"), (b"origin", b"https://evil.example")]
    await only_own_origins(inner)({"type": "websocket", "headers": headers}, None, send)

    assert sent == [{"type": "websocket.close", "code": 4403}]
