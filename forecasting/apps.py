"""Application of the room `forecasting`."""

from django.apps import AppConfig


class ForecastingApp(AppConfig):
    """Loads what the room registers."""

    name = "forecasting"
    label = "forecasting"
