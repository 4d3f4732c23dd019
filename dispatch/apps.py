"""Application of the room `dispatch`."""

from django.apps import AppConfig


class DispatchApp(AppConfig):
    """Loads what the room registers."""

    name = "dispatch"
    label = "dispatch"
