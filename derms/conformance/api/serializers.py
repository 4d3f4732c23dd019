"""Shapes of the partner bench on REST."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from derms.accounts.choices import ClientStage
from derms.conformance.choices import RunState, StepState
from derms.conformance.rules.scenario import Kind, Scenario
from derms.conformance.rules.scenarios import get_scenario

_KINDS = [(kind.value, kind.name) for kind in Kind]


class ScenarioSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    title = serializers.CharField()
    role = serializers.CharField(help_text="Role a client needs for it.")
    steps = serializers.SerializerMethodField()
    version = serializers.CharField(help_text="Fingerprint of its steps.")
    lets_live = serializers.BooleanField(help_text="A passed run of it is enough to go live.")

    def get_steps(self, scenario: Scenario) -> int:
        return len(scenario.steps)


class RunSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField()
    client_mrid = serializers.CharField(source="client.mrid")
    client_id = serializers.CharField(source="client.client_id")
    client_name = serializers.CharField(source="client.name")
    client_stage = serializers.ChoiceField(ClientStage.choices, source="client.stage")
    organisation = serializers.CharField(source="client.organisation.name")
    scenario = serializers.CharField()
    scenario_title = serializers.SerializerMethodField()
    scenario_version = serializers.CharField(help_text="Fingerprint of its steps.")
    state = serializers.ChoiceField(RunState.choices)
    started_at = serializers.DateTimeField()
    started_by = serializers.CharField()
    finished_at = serializers.DateTimeField(allow_null=True)
    step_timeout_s = serializers.FloatField(help_text="How long a step waits [s].")
    clock_drift_s = serializers.FloatField(
        allow_null=True,
        help_text="Median of the partner's clock minus ours [s], when the run is over.",
    )
    certificate_days = serializers.IntegerField(
        allow_null=True, help_text="Days its last certificate had left at the start; null = none."
    )
    endpoint_certificate_days = serializers.IntegerField(
        allow_null=True,
        help_text="Days the TLS certificate of its endpoint had left at the end; null = no TLS.",
    )
    comment = serializers.CharField(help_text="Why it was abandoned.")
    accepted_at = serializers.DateTimeField(allow_null=True)
    accepted_by = serializers.CharField()
    acceptance_comment = serializers.CharField()

    def get_scenario_title(self, run: Any) -> str:
        try:
            return get_scenario(run.scenario).title
        except KeyError:  # an update has taken it away
            return str(run.scenario)


class RunStepSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField(source="row.number")
    key = serializers.CharField(source="row.key")
    title = serializers.CharField(source="row.title")
    kind = serializers.ChoiceField(_KINDS, source="row.kind", help_text="Who acts.")
    operation = serializers.CharField(source="row.operation")
    address = serializers.CharField(
        help_text="Path of the message: below our address, or below the partner's endpoint."
    )
    expected = serializers.CharField(
        source="row.expected", help_text="Message and reply that are expected."
    )
    expected_result = serializers.CharField(source="row.expected_result")
    expected_code = serializers.CharField(source="row.expected_code")
    sample = serializers.CharField(
        help_text="A message to copy, made now: the one to send, or the reply to ours."
    )
    state = serializers.ChoiceField(StepState.choices, source="row.state")
    opened_at = serializers.DateTimeField(source="row.opened_at", allow_null=True)
    finished_at = serializers.DateTimeField(source="row.finished_at", allow_null=True)
    message = serializers.CharField(
        source="row.message_mrid", help_text="mRID of the exchange in the message log."
    )
    difference = serializers.CharField(
        source="row.difference",
        help_text="Element and rule in one sentence; empty when as expected.",
    )
    remark = serializers.CharField(
        source="row.remark", help_text="What was taken although it is not by the letter."
    )
    latency_ms = serializers.FloatField(
        source="row.latency_ms", allow_null=True, help_text="Until the last byte of the reply [ms]."
    )
    drift_s = serializers.FloatField(
        source="row.drift_s", allow_null=True, help_text="Header/Timestamp minus receipt [s]."
    )


class RunDetailSerializer(RunSerializer):
    steps = RunStepSerializer(many=True)


class StepMessagesSerializer(serializers.Serializer[Any]):
    request_xml = serializers.CharField(help_text="The partner's message, or ours to it.")
    reply_xml = serializers.CharField(help_text="Our reply, or the partner's.")


class NewRunSerializer(serializers.Serializer[Any]):
    client_id = serializers.CharField(max_length=64, help_text="Login of the API client.")
    scenario = serializers.CharField(max_length=40, default="", allow_blank=True)
    step_timeout_s = serializers.FloatField(
        default=None, allow_null=True, help_text="null = DERMS_PARTNER_STEP_TIMEOUT_S."
    )


class RunReasonSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500, default="", allow_blank=True)


class AcceptanceSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(max_length=500, help_text="What the acceptance rests on.")


class SendBackSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=500)


@extend_schema_serializer(component_name="BenchPartner")
class PartnerSerializer(serializers.Serializer[Any]):
    """An API client that speaks CIM, its stage and its last run."""

    mrid = serializers.CharField(source="client.mrid")
    client_id = serializers.CharField(source="client.client_id")
    name = serializers.CharField(source="client.name")
    organisation = serializers.CharField(source="client.organisation.name")
    roles = serializers.ListField(child=serializers.CharField(), source="client.roles")
    stage = serializers.ChoiceField(ClientStage.choices, source="client.stage")
    is_active = serializers.BooleanField(source="client.is_active")
    last_run = serializers.CharField(source="run.mrid", allow_null=True, default=None)
    last_state = serializers.ChoiceField(
        RunState.choices, source="run.state", allow_null=True, default=None
    )
    last_started_at = serializers.DateTimeField(
        source="run.started_at", allow_null=True, default=None
    )
