"""Who may open a WebSocket: pages of our own host, and the origins the settings name.

Browsers send cookies along with any WebSocket, so without this check every other page a user
visits could listen with the user's rights.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

Scope = Mapping[str, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]


def is_own_origin(origin: str, host: str) -> bool:
    """Return whether a page of `origin` may talk to us under the name `host`.

    Args:
        origin: Origin header, `https://derms.example:8443`; empty when none was sent.
        host: Host header of the same request.
    """
    if origin in settings.SOCKET_ORIGINS:
        return True
    parts = urlsplit(origin)
    return bool(parts.netloc) and parts.scheme in {"http", "https"} and parts.netloc == host


def only_own_origins(inner: Application) -> Application:
    """Wrap an ASGI application: a foreign or missing origin is answered 403."""

    async def gate(scope: Scope, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        if is_own_origin(origin, host):
            await inner(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4403})

    return gate
