"""Application of the room `derms.live`."""

from django.apps import AppConfig


class LiveApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.live"
    label = "live"
