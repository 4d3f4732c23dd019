"""Application of the roof: system checks, metrics of every process, management commands."""

from django.apps import AppConfig


class ConfigApp(AppConfig):
    """Registers the production checks and the metrics."""

    name = "derms.config"
    label = "config"

    def ready(self) -> None:
        """Load the system checks and the timers of tasks."""
        from derms.config import checks, metrics  # noqa: F401 - importing registers them
