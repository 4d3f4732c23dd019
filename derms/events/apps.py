"""Application of the room `derms.events`."""

from django.apps import AppConfig


class EventsApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.events"
    label = "events"
