"""Tables of who may come in: organisations, users with role grants, API clients."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

from derms.accounts.choices import OrganisationKind, RoleChoice
from derms.core.ids import new_mrid


class Organisation(models.Model):
    """A party: the utility itself, an aggregator or a supplier."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=20, choices=OrganisationKind)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person who logs in to the console."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    preferences = models.JSONField(default=dict, blank=True)

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.username


class RoleGrant(models.Model):
    """One role given to one user."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_grants")
    role = models.CharField(max_length=20, choices=RoleChoice)
    granted_at = models.DateTimeField()
    granted_by = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="rolegrant_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}:{self.role}"


class ApiClient(models.Model):
    """A system that calls us (DMS, aggregator) with HTTP Basic or Bearer credentials."""

    mrid = models.CharField(max_length=64, unique=True, default=new_mrid, editable=False)
    client_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    roles = ArrayField(models.CharField(max_length=20, choices=RoleChoice))
    # SHA-256 of a 256-bit random secret: no dictionary attack, and cheap enough for every call.
    secret_sha256 = models.CharField(max_length=64, unique=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.client_id


class IdempotencyKey(models.Model):
    """One POST that may be repeated, with the reply it got; written with its effect."""

    caller = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    route = models.CharField(max_length=80)
    request_sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="idempotencykey_once"),
        ]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"
