"""Middleware of accounts: sessions end when idle, and when they are old."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

BORN = "born_at"
SEEN = "seen_at"
_GRAIN_S = 5  # a session is written at most this often


def has_ended(session: Mapping[str, Any], now: float) -> bool:
    """Say whether a session is over: unused for SESSION_IDLE_S, or SESSION_COOKIE_AGE old.

    Args:
        session: Decoded session data.
        now: Seconds since the epoch.
    """
    idle_s = now - float(session.get(SEEN, now))
    age_s = now - float(session.get(BORN, now))
    return idle_s > settings.SESSION_IDLE_S or age_s > settings.SESSION_COOKIE_AGE


def idle_timeout(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """End sessions that are over, and note the use of the others.

    Background refreshes of the console carry `X-Derms-Background: 1` and do not count as use.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = time.time()
            session = request.session
            if has_ended(session, now):
                logout(request)
            elif _counts(request, now):
                session.setdefault(BORN, now)
                session[SEEN] = now
        return get_response(request)

    return middleware


def _counts(request: HttpRequest, now: float) -> bool:
    seen = request.session.get(SEEN)
    if seen is None:
        return True
    return now - seen > _GRAIN_S and request.headers.get("X-Derms-Background") != "1"
