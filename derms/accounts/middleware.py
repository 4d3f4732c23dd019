"""Middleware of accounts: sessions end when idle."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

_SEEN = "seen_at"


def idle_timeout(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Log a user out after SESSION_IDLE_S seconds without a request of their own.

    Background refreshes of the console carry `X-Derms-Background: 1` and do not count as use.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            now = time.time()
            seen = request.session.get(_SEEN, now)
            if now - seen > settings.SESSION_IDLE_S:
                logout(request)
            elif _SEEN not in request.session or (
                now - seen > 5 and request.headers.get("X-Derms-Background") != "1"
            ):
                request.session[_SEEN] = now
        return get_response(request)

    return middleware
