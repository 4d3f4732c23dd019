"""ASGI entry: WebSockets only; everything else is the WSGI process's."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "derms.config.settings")
_pages = get_asgi_application()  # loads the applications before a table is imported below

from channels.auth import AuthMiddlewareStack

from derms.config.origins import only_own_origins
from derms.live.consumers import UiConsumer

application = ProtocolTypeRouter(
    {
        "http": _pages,
        "websocket": only_own_origins(
            AuthMiddlewareStack(URLRouter([path("ws/ui", UiConsumer.as_asgi())]))
        ),
    }
)
