"""Enumerations of the CIM room."""

from django.db.models import TextChoices


class PartnerAuth(TextChoices):
    """How we prove to a partner who we are."""

    NONE = "none", "none"
    BASIC = "basic", "Basic"
    BEARER = "bearer", "Bearer"


class PushState(TextChoices):
    """Where a message to a partner stands."""

    WAITING = "waiting", "waiting"
    DELIVERED = "delivered", "delivered"
    PARKED = "parked", "parked"  # tried in vain or refused for good: waits for a person
    DISCARDED = "discarded", "discarded"
