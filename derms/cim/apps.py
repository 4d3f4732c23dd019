"""Application of the room `derms.cim`."""

from django.apps import AppConfig


class CimApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.cim"
    label = "cim"
