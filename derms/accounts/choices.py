"""Enumerations of the accounts room."""

from django.db.models import TextChoices

from derms.core.actors import Role


class OrganisationKind(TextChoices):
    """What an organisation is to the utility."""

    UTILITY = "utility"
    AGGREGATOR = "aggregator"
    SUPPLIER = "supplier"
    SANDBOX = "sandbox", "Sandbox utility"


class ClientStage(TextChoices):
    """Whose devices an API client may touch: the sandbox's until an engineer lets it go live."""

    SANDBOX = "sandbox"
    LIVE = "live"


class Proof(TextChoices):
    """What a client can show of itself with a request; its policy says what it must show.

    The first three a client can choose freely where its policy demands nothing. A signature and a
    client certificate count only when they are of a certificate registered for that client.
    """

    PASSWORD = "password", "HTTP Basic"
    BEARER = "bearer", "HTTP Bearer"
    USERNAME_TOKEN = "username_token", "WS-Security UsernameToken"
    SIGNATURE = "signature", "WS-Security X.509 signature"
    CERTIFICATE = "certificate", "TLS client certificate"
    TIMESTAMP = "timestamp", "Timestamp of the message within the clock skew"


RoleChoice = [(role.value, role.name.replace("_", " ").title()) for role in Role]
