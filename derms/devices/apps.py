"""Application of the room `derms.devices`."""

from django.apps import AppConfig


class DevicesApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.devices"
    label = "devices"

    def ready(self) -> None:
        """Register the CIM profiles."""
        from derms.cim.registry import register
        from derms.devices.cim import PROFILES

        register(PROFILES)
