"""Application of the room `derms.southbound`."""

from django.apps import AppConfig


class SouthboundApp(AppConfig):
    """Registers the drivers and subscribes to facts."""

    name = "derms.southbound"
    label = "southbound"

    def ready(self) -> None:
        """Load what the room registers."""
        from django.conf import settings

        from derms.southbound import drivers, handlers, registry  # noqa: F401 - handlers subscribe

        for driver in drivers.build(
            timeout_s=settings.SOUTHBOUND_TIMEOUT_S, reversion_s=settings.SOUTHBOUND_REVERSION_S
        ):
            registry.register(driver)
