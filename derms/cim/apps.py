"""Application of the room `derms.cim`."""

from django.apps import AppConfig


class CimApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.cim"
    label = "cim"

    def ready(self) -> None:
        """Register the system checks of the room."""
        from derms.cim import checks  # noqa: F401 - importing registers them
