"""Application of the room `derms.audit`."""

from django.apps import AppConfig


class AuditApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.audit"
    label = "audit"
