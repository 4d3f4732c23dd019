"""Application of the room `customers`."""

from django.apps import AppConfig


class CustomersApp(AppConfig):
    """Loads what the room registers."""

    name = "customers"
    label = "customers"
