"""Application of the room `derms.devices`."""

from django.apps import AppConfig


class DevicesApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.devices"
    label = "devices"
