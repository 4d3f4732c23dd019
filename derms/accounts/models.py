"""Tables of who may come in: organisations, users with role grants, API clients."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

from derms.accounts.choices import ClientStage, OrganisationKind, Proof, RoleChoice
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
    stage = models.CharField(max_length=10, choices=ClientStage, default=ClientStage.LIVE)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    # The policy. No demand at all means: any one proof of who it is will do.
    demands = ArrayField(models.CharField(max_length=20, choices=Proof), default=list)
    signs_replies = models.BooleanField(default=False)
    """We sign what we answer at the CIM door."""
    password_digest = models.BooleanField(default=False)
    """UsernameToken may carry a PasswordDigest; see docs/adr/0060-password-digest.md."""

    grants = models.JSONField(default=list, blank=True)
    """What it may do of what its roles allow: rows {nouns, verbs, groups}; none = all of it.

    In the row, so that whoever loads a client has them without another query (docs/adr/0063).
    """
    retired_at = models.DateTimeField(null=True, blank=True)
    """Switched off for good; kept for the log and the audit trail."""

    def __str__(self) -> str:
        return self.client_id


class ClientCertificate(models.Model):
    """An X.509 certificate by which one API client is known; several while they are rolled over."""

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="certificates")
    sha256 = models.CharField(max_length=64, unique=True)
    """Fingerprint of the DER, lower-case hex: one certificate stands for one client."""
    pem = models.TextField()
    subject = models.CharField(max_length=500)
    issuer = models.CharField(max_length=500)
    serial = models.CharField(max_length=64)
    key = models.CharField(max_length=30)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField(db_index=True)
    registered_at = models.DateTimeField()
    registered_by = models.CharField(max_length=150)
    revoked_at = models.DateTimeField(null=True)
    revoked_reason = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.subject} {self.sha256[:12]}"


class SeenNonce(models.Model):
    """A nonce that a client has used, kept as long as a message with it could still be fresh."""

    client = models.CharField(max_length=64)
    nonce_sha256 = models.CharField(max_length=64)
    message_sha256 = models.CharField(max_length=64)
    """Of the whole message: the very same bytes again are a repetition and no forgery."""
    forget_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "nonce_sha256"], name="seennonce_once"),
        ]

    def __str__(self) -> str:
        return f"{self.client} {self.nonce_sha256[:12]}"


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
