"""Application of the room `groups`."""

from django.apps import AppConfig


class GroupsApp(AppConfig):
    """Loads what the room registers."""

    name = "groups"
    label = "groups"
