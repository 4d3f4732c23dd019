"""Application of the room `derms.conformance`."""

from django.apps import AppConfig


class ConformanceApp(AppConfig):
    """The partner bench."""

    name = "derms.conformance"
    label = "conformance"
