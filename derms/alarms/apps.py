"""Application of the room `derms.alarms`."""

from django.apps import AppConfig


class AlarmsApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.alarms"
    label = "alarms"
