"""Application of the room `derms.accounts`."""

from django.apps import AppConfig


class AccountsApp(AppConfig):
    """Loads what the room registers."""

    name = "derms.accounts"
    label = "accounts"
