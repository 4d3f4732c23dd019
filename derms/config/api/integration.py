"""REST of the page Integration health."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.choices import ClientStage
from derms.accounts.selectors import actor_of
from derms.cim.api.partner_serializers import PartnerSerializer
from derms.cim.api.serializers import MessageSerializer
from derms.config import integration
from derms.southbound.choices import LinkState

_BENCH = ["sandbox", "running", "to_accept", "live"]


class TrafficSerializer(serializers.Serializer[Any]):
    """What went on with one partner in one direction over the last hours."""

    messages = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Not answered OK, or not at all.")
    per_min = serializers.FloatField(help_text="Over the last five minutes.")
    median_ms = serializers.FloatField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True, help_text="However long ago.")
    error = serializers.CharField(help_text="The last failure in words; or empty.")
    error_at = serializers.DateTimeField(allow_null=True)
    error_mrid = serializers.CharField(help_text="Its exchange in the log.")
    curve = serializers.ListField(
        child=serializers.IntegerField(), help_text="Messages in each bucket, oldest first."
    )


class IntegrationPartnerSerializer(serializers.Serializer[Any]):
    """One API client that speaks CIM; `endpoint` is where it is told, if anywhere."""

    client_id = serializers.CharField(source="client.client_id")
    client_mrid = serializers.CharField(source="client.mrid")
    name = serializers.CharField(source="client.name")
    is_active = serializers.BooleanField(source="client.is_active")
    stage = serializers.ChoiceField(ClientStage.choices, source="client.stage")
    bench = serializers.ChoiceField(_BENCH, help_text="How far it is on its way to live work.")
    last_run = serializers.CharField(source="run.mrid", allow_null=True, default=None)
    endpoint = PartnerSerializer(allow_null=True)
    certificate_days = serializers.IntegerField(
        allow_null=True, help_text="Days until its last certificate ends; null = it has none."
    )
    drift_s = serializers.FloatField(
        source="traffic.drift_s",
        allow_null=True,
        help_text="Median of Header/Timestamp minus receipt [s]; positive: its clock is ahead.",
    )
    inbound = TrafficSerializer(source="traffic.inbound")
    outbound = TrafficSerializer(source="traffic.outbound")


class LinkCountSerializer(serializers.Serializer[Any]):
    protocol = serializers.CharField()
    state = serializers.ChoiceField(LinkState.choices)
    devices = serializers.IntegerField()


class IntegrationSerializer(serializers.Serializer[Any]):
    """Partners, wires and the last refusals."""

    at = serializers.DateTimeField()
    hours = serializers.FloatField(help_text="How far back counts and curves go.")
    bucket_s = serializers.IntegerField()
    certificate_warning_days = serializers.IntegerField()
    partners = IntegrationPartnerSerializer(many=True)
    links = LinkCountSerializer(many=True)
    refusals = MessageSerializer(many=True)


class IntegrationView(APIView):
    @extend_schema(
        responses=IntegrationSerializer,
        summary="Every partner system and every wire at a glance",
    )
    def get(self, request: Request) -> Response:
        found = integration.get_integration(actor=actor_of(request))
        return Response(IntegrationSerializer(found).data)
