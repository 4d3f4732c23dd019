"""Application of the room `derms.grid`."""

from django.apps import AppConfig


class GridApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.grid"
    label = "grid"
