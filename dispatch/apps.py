"""Application of the room `dispatch`."""

from django.apps import AppConfig


class DispatchApp(AppConfig):
    """Loads what the room registers."""

    name = "dispatch"
    label = "dispatch"

    def ready(self) -> None:
        """Register the CIM profiles."""
        from derms.cim.registry import register
        from dispatch.cim import PROFILES

        register(PROFILES)
