"""JSON of partners, subscriptions and deliveries. Secrets come in and never go out."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from derms.accounts.selectors import actor_of
from derms.cim.choices import PartnerAuth, PushState
from derms.cim.push import selectors
from derms.core import clock

_AUTH = PartnerAuth.choices
_STATES = PushState.choices


class PartnerChangeSerializer(serializers.Serializer[Any]):
    """What of a partner can be changed; what is left out stays."""

    name = serializers.CharField(max_length=80, required=False)
    base_url = serializers.CharField(max_length=500, required=False)
    service_urls = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), required=False
    )
    auth = serializers.ChoiceField(choices=_AUTH, required=False)
    username = serializers.CharField(max_length=200, required=False, allow_blank=True)
    secret = serializers.CharField(
        max_length=1000, required=False, allow_blank=True, write_only=True, trim_whitespace=False
    )
    connect_timeout_s = serializers.FloatField(min_value=0.1, max_value=30, required=False)
    timeout_s = serializers.FloatField(min_value=0.5, max_value=60, required=False)
    reply_addresses = serializers.ListField(
        child=serializers.CharField(max_length=500), max_length=50, required=False
    )
    enabled = serializers.BooleanField(required=False)


class PartnerCreateSerializer(PartnerChangeSerializer):
    """A new partner: the API client it is, a name and an address."""

    client_id = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=80)
    base_url = serializers.CharField(max_length=500)


class PartnerSerializer(serializers.Serializer[Any]):
    """A partner and how delivery to it goes."""

    mrid = serializers.CharField()
    name = serializers.CharField()
    client_id = serializers.CharField(source="client.client_id")
    client_mrid = serializers.CharField(source="client.mrid")
    base_url = serializers.CharField()
    service_urls = serializers.DictField(child=serializers.CharField())
    auth = serializers.ChoiceField(choices=_AUTH)
    username = serializers.CharField()
    has_secret = serializers.SerializerMethodField()
    connect_timeout_s = serializers.FloatField()
    timeout_s = serializers.FloatField()
    reply_addresses = serializers.ListField(child=serializers.CharField())
    enabled = serializers.BooleanField()
    revision = serializers.IntegerField()
    state = serializers.SerializerMethodField()
    waiting = serializers.IntegerField()
    parked = serializers.IntegerField()
    oldest_waiting_s = serializers.SerializerMethodField()
    failures = serializers.IntegerField()
    not_before = serializers.DateTimeField(allow_null=True)
    last_delivered_at = serializers.DateTimeField(allow_null=True)
    last_failed_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()

    def get_has_secret(self, partner: Any) -> bool:
        return bool(partner.sealed_secret)

    def get_oldest_waiting_s(self, partner: Any) -> float | None:
        oldest = partner.oldest_waiting_at
        return None if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())

    @extend_schema_field(
        serializers.ChoiceField(choices=["off", "failing", "parked", "waiting", "good"])
    )
    def get_state(self, partner: Any) -> str:
        """The worst of what can be said of it."""
        if not partner.enabled:
            return "off"
        if partner.failures:
            return "failing"
        if partner.parked:
            return "parked"
        return "waiting" if partner.waiting else "good"


class SubscriptionChangeSerializer(serializers.Serializer[Any]):
    """What of a subscription can be changed; what is left out stays."""

    groups = serializers.ListField(
        child=serializers.CharField(max_length=128), max_length=10_000, required=False
    )
    on_change = serializers.BooleanField(required=False)
    change_w = serializers.FloatField(min_value=0, required=False, allow_null=True)
    change_pct = serializers.FloatField(
        min_value=0, max_value=1000, required=False, allow_null=True
    )
    on_state = serializers.BooleanField(required=False)
    min_interval_s = serializers.FloatField(min_value=0, max_value=86400, required=False)
    period_s = serializers.FloatField(
        min_value=1, max_value=7 * 86400, required=False, allow_null=True
    )
    active = serializers.BooleanField(required=False)


class SubscriptionCreateSerializer(SubscriptionChangeSerializer):
    """A new subscription."""

    noun = serializers.ChoiceField(choices=selectors.nouns())


class SubscriptionSerializer(serializers.Serializer[Any]):
    """What a partner is told, and when."""

    mrid = serializers.CharField()
    noun = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    on_change = serializers.BooleanField()
    change_w = serializers.FloatField(allow_null=True)
    change_pct = serializers.FloatField(allow_null=True)
    on_state = serializers.BooleanField()
    min_interval_s = serializers.FloatField()
    period_s = serializers.FloatField(allow_null=True)
    active = serializers.BooleanField()
    revision = serializers.IntegerField()


class TrialRequestSerializer(serializers.Serializer[Any]):
    """Which of a partner's services to try."""

    service = serializers.ChoiceField(choices=selectors.services())


class TrialSerializer(serializers.Serializer[Any]):
    """What came of trying an address."""

    reached = serializers.BooleanField()
    http_status = serializers.IntegerField(allow_null=True)
    result = serializers.CharField()
    code = serializers.CharField()
    details = serializers.CharField()
    duration_ms = serializers.FloatField(allow_null=True)


class ResentSerializer(serializers.Serializer[Any]):
    """How many messages are sent again."""

    messages = serializers.IntegerField()


class DeliverySearchSerializer(serializers.Serializer[Any]):
    """What deliveries can be searched by."""

    partner = serializers.CharField(required=False, help_text="mRID of the partner.")
    state = serializers.ChoiceField(choices=_STATES, required=False)
    noun = serializers.CharField(required=False)
    message_id = serializers.CharField(required=False)


class DeliverySerializer(serializers.Serializer[Any]):
    """One message to one partner, without its body."""

    mrid = serializers.CharField()
    partner_mrid = serializers.CharField(source="partner.mrid")
    partner_name = serializers.CharField(source="partner.name")
    noun = serializers.CharField()
    verb = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    message_id = serializers.CharField()
    correlation_id = serializers.CharField()
    address = serializers.CharField(help_text="Of an asynchronous reply; else empty.")
    state = serializers.ChoiceField(choices=_STATES)
    attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    not_before = serializers.DateTimeField(allow_null=True)
    last_tried_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    http_status = serializers.IntegerField(allow_null=True)
    result = serializers.CharField()
    code = serializers.CharField()
    last_error = serializers.CharField()


class DeliveryDetailSerializer(DeliverySerializer):
    """One message with what went out and what came back last."""

    request_xml = serializers.SerializerMethodField()
    reply_xml = serializers.SerializerMethodField()

    def get_request_xml(self, message: Any) -> str:
        return selectors.bodies(message, actor_of(self.context["request"]))[0]

    def get_reply_xml(self, message: Any) -> str:
        return selectors.bodies(message, actor_of(self.context["request"]))[1]


class DiscardSerializer(serializers.Serializer[Any]):
    """Why a message is given up."""

    reason = serializers.CharField(max_length=500)
