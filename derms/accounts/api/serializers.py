"""Shapes of accounts on the wire."""

import datetime as dt
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from derms.accounts.choices import ClientStage, OrganisationKind, Proof, RoleChoice
from derms.accounts.rules.certificates import CertificateState, state_of, trouble_with
from derms.accounts.rules.grants import NOUNS
from derms.core import clock


class OrganisationSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField(read_only=True)
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(OrganisationKind.choices)
    is_active = serializers.BooleanField(read_only=True)


class RolesField(serializers.ListField):
    child = serializers.ChoiceField(RoleChoice)


class UserSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField(read_only=True)
    username = serializers.CharField(read_only=True)
    full_name = serializers.CharField(source="first_name", read_only=True)
    roles = serializers.SerializerMethodField()
    organisation = OrganisationSerializer(read_only=True, allow_null=True)
    is_active = serializers.BooleanField(read_only=True)
    last_login = serializers.DateTimeField(read_only=True, allow_null=True)

    def get_roles(self, user: Any) -> list[str]:
        return sorted(grant.role for grant in user.role_grants.all())


class NewUserSerializer(serializers.Serializer[Any]):
    username = serializers.RegexField(r"^[\w.@+-]+$", max_length=150)
    password = serializers.CharField(max_length=128, write_only=True)
    full_name = serializers.CharField(max_length=150, default="", allow_blank=True)
    roles = RolesField()
    organisation = serializers.CharField(
        max_length=64, allow_null=True, default=None, help_text="mRID; null = the utility."
    )


class UserChangeSerializer(serializers.Serializer[Any]):
    full_name = serializers.CharField(max_length=150, allow_blank=True, required=False)
    roles = RolesField(required=False)
    is_active = serializers.BooleanField(required=False)


class PasswordSerializer(serializers.Serializer[Any]):
    password = serializers.CharField(max_length=128, write_only=True)


@extend_schema_serializer(component_name="Grant")
class GrantSerializer(serializers.Serializer[Any]):
    nouns = serializers.ListField(
        child=serializers.ChoiceField(sorted(NOUNS)), help_text="None = all."
    )
    verbs = serializers.ListField(
        child=serializers.ChoiceField(sorted(frozenset().union(*NOUNS.values()))),
        help_text="None = all. `get` is also what it is pushed.",
    )
    groups = serializers.ListField(
        child=serializers.CharField(max_length=128),
        help_text="mRIDs; none = all groups its roles let it see.",
    )


class GrantsSerializer(serializers.Serializer[Any]):
    grants = GrantSerializer(many=True, help_text="All of them; none = whatever its roles allow.")


class RetirementSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200)


class ApiClientSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField(read_only=True)
    client_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    organisation = OrganisationSerializer(read_only=True)
    roles = RolesField(read_only=True)
    stage = serializers.ChoiceField(
        ClientStage.choices,
        read_only=True,
        help_text="In `sandbox` it sees and touches the sandbox utility alone.",
    )
    is_active = serializers.BooleanField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True)
    demands = serializers.ListField(
        child=serializers.ChoiceField(Proof.choices),
        read_only=True,
        help_text="Proofs that must all hold; none = any one of them will do.",
    )
    signs_replies = serializers.BooleanField(read_only=True)
    password_digest = serializers.BooleanField(read_only=True)
    grants = GrantSerializer(
        many=True,
        read_only=True,
        help_text="What it may do of what its roles allow; none = all of it.",
    )
    retired_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="Switched off for good since then."
    )


class NewApiClientSerializer(serializers.Serializer[Any]):
    client_id = serializers.RegexField(r"^[A-Za-z0-9_-]+$", max_length=64)
    name = serializers.CharField(max_length=120)
    organisation = serializers.CharField(max_length=64, help_text="mRID of the party.")
    roles = RolesField()


class ApiClientChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    roles = RolesField(required=False)
    is_active = serializers.BooleanField(required=False)


class PolicySerializer(serializers.Serializer[Any]):
    demands = serializers.ListField(
        child=serializers.ChoiceField(Proof.choices),
        help_text="Proofs that must all hold; none = any one of them will do.",
    )
    signs_replies = serializers.BooleanField(help_text="We sign our answers at the CIM door.")
    password_digest = serializers.BooleanField(
        help_text="UsernameToken may carry a PasswordDigest over the SHA-256 of the secret."
    )


class NewCertificateSerializer(serializers.Serializer[Any]):
    pem = serializers.CharField(max_length=32 * 1024, help_text="One certificate, without key.")


class RevocationSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200)


class ClientCertificateSerializer(serializers.Serializer[Any]):
    sha256 = serializers.CharField(help_text="Fingerprint of the DER, hexadecimal.")
    subject = serializers.CharField()
    issuer = serializers.CharField()
    serial = serializers.CharField(help_text="Hexadecimal.")
    key = serializers.CharField(help_text="Kind and size of the public key.")
    not_before = serializers.DateTimeField()
    not_after = serializers.DateTimeField()
    registered_at = serializers.DateTimeField()
    registered_by = serializers.CharField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    revoked_reason = serializers.CharField(allow_blank=True)
    trouble = serializers.SerializerMethodField(help_text="Why it does not count now; or empty.")

    def get_trouble(self, row: Any) -> str:
        return trouble_with(
            not_before=row.not_before,
            not_after=row.not_after,
            revoked_at=row.revoked_at,
            now=clock.now(),
        )


class CertificateOwnerSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField()
    client_id = serializers.CharField()
    name = serializers.CharField()
    is_active = serializers.BooleanField()


class CertificateOfSerializer(ClientCertificateSerializer):
    """A certificate in the list of all, with whose it is and how long it lasts."""

    client = CertificateOwnerSerializer()
    state = serializers.SerializerMethodField(help_text="`ends_soon`: within 30 days.")
    days_left = serializers.SerializerMethodField(help_text="Negative once it has ended.")

    @extend_schema_field(serializers.ChoiceField(choices=[str(s) for s in CertificateState]))
    def get_state(self, row: Any) -> str:
        return state_of(
            not_before=row.not_before,
            not_after=row.not_after,
            revoked_at=row.revoked_at,
            now=clock.now(),
        )

    def get_days_left(self, row: Any) -> float:
        left: dt.timedelta = row.not_after - clock.now()
        return left / dt.timedelta(days=1)


class SecretSerializer(serializers.Serializer[Any]):
    client_id = serializers.CharField()
    secret = serializers.CharField(help_text="Shown this once; only its hash is kept.")
    bearer_token = serializers.CharField(help_text="The same as one token for Bearer.")


class CreatedApiClientSerializer(ApiClientSerializer):
    secret = serializers.CharField(help_text="Shown this once; only its hash is kept.")
    bearer_token = serializers.CharField(help_text="The same as one token for Bearer.")


class PreferencesSerializer(serializers.Serializer[Any]):
    preferences = serializers.DictField(
        help_text="Whatever the console keeps for this person, at most 64 kB."
    )


class MeSerializer(PreferencesSerializer):
    mrid = serializers.CharField()
    username = serializers.CharField()
    full_name = serializers.CharField(allow_blank=True)
    roles = RolesField()
    permissions = serializers.ListField(child=serializers.CharField())
    organisation = OrganisationSerializer(allow_null=True)
    mode_tag = serializers.CharField()
    site_name = serializers.CharField()
    site_time_zone = serializers.CharField()
    server_time = serializers.DateTimeField()
    build = serializers.CharField()
    socket_url = serializers.CharField(allow_blank=True)
    idle_s = serializers.IntegerField(help_text="A session ends after this long without use [s].")


class ExtendedSerializer(serializers.Serializer[Any]):
    server_time = serializers.DateTimeField()
    idle_s = serializers.IntegerField()
