"""Application of the roof: system checks and management commands."""

from django.apps import AppConfig


class ConfigApp(AppConfig):
    """Registers the production checks."""

    name = "derms.config"
    label = "config"

    def ready(self) -> None:
        """Load the system checks."""
        from derms.config import checks  # noqa: F401 - importing registers them
