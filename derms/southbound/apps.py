"""Application of the room `derms.southbound`."""

from django.apps import AppConfig


class SouthboundApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.southbound"
    label = "southbound"
