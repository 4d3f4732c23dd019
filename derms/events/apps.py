"""Application of the room `derms.events`."""

from django.apps import AppConfig


class EventsApp(AppConfig):
    """Loads the handlers of every room, so that facts find their subscribers."""

    name = "derms.events"
    label = "events"

    def ready(self) -> None:
        """Import `handlers` and `cim.push` of each installed room."""
        from django.utils.module_loading import autodiscover_modules

        autodiscover_modules("handlers")
        autodiscover_modules("cim.push")
