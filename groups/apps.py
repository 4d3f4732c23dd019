"""Application of the room `groups`."""

from django.apps import AppConfig


class GroupsApp(AppConfig):
    """Loads what the room registers."""

    name = "groups"
    label = "groups"

    def ready(self) -> None:
        """Register the CIM profiles."""
        from derms.cim.registry import register
        from groups.cim import PROFILES

        register(PROFILES)
