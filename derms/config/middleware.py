"""Middleware of the roof: the correlation id of every request."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from derms.core import correlation

_SAFE = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")


def correlation_header(request: HttpRequest) -> str | None:
    """Return the caller's X-Correlation-ID when it is short and harmless."""
    value = request.headers.get("X-Correlation-ID", "")
    return value if _SAFE.match(value) else None


def correlation_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Bind the correlation id for the request and return it in the response."""

    def middleware(request: HttpRequest) -> HttpResponse:
        value = correlation.bind(correlation_header(request))
        response = get_response(request)
        response.headers["X-Correlation-ID"] = value
        return response

    return middleware
