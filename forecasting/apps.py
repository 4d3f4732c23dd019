"""Application of the room `forecasting`."""

from django.apps import AppConfig


class ForecastingApp(AppConfig):
    """Loads what the room registers."""

    name = "forecasting"
    label = "forecasting"

    def ready(self) -> None:
        """Register the CIM profiles."""
        from derms.cim.registry import register
        from forecasting.cim import PROFILES

        register(PROFILES)
