"""Addresses of ours as the caller has to use them."""

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port


def socket_url(request: HttpRequest) -> str:
    """Return where this browser opens its WebSocket: the page's own host, so cookies go along."""
    if "://" in settings.SOCKET_URL:
        return str(settings.SOCKET_URL)
    scheme = "wss" if request.is_secure() else "ws"
    host = request.get_host()
    if settings.SOCKET_URL:
        return f"{scheme}://{host}{settings.SOCKET_URL}"
    return f"{scheme}://{split_domain_port(host)[0]}:{settings.SOCKET_PORT}/ws/ui"
