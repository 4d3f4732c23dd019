"""Shapes of connect and disconnect controls on REST."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from dispatch.choices import ControlAction, ControlState, DeviceOutcome
from dispatch.rules.control_request import ControlData
from groups.rules.definition import GroupKey, MemberKeys

MAX_TARGETS = 1000


def _mrids(what: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=128),
        max_length=MAX_TARGETS,
        default=list,
        help_text=f"mRIDs of {what}.",
    )


class ControlRequestSerializer(serializers.Serializer[Any]):
    """What to connect or disconnect; a start of null means now."""

    mrid = serializers.CharField(max_length=128, required=False)
    action = serializers.ChoiceField(ControlAction.choices)
    groups = _mrids("whole groups")
    devices = _mrids("single devices")
    reason = serializers.CharField(max_length=500, allow_blank=True, default="")
    start_at = serializers.DateTimeField(allow_null=True, default=None)
    duration_s = serializers.FloatField(
        allow_null=True, default=None, help_text="Then the devices go back; null = they stay."
    )

    def to_data(self) -> ControlData:
        fields = dict(self.validated_data)
        return ControlData(
            action=ControlAction(fields.pop("action")),
            groups=tuple(GroupKey(mrid=mrid) for mrid in fields.pop("groups")),
            devices=MemberKeys(mrids=tuple(fields.pop("devices"))),
            **fields,
        )


class ControlSerializer(serializers.Serializer[Any]):
    """A control and how it stands. `done`, `failed`, `unknown` count devices of its phase."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `source` means something else to serializer fields, so it cannot be a class attribute.
        return super().get_fields() | {"source": serializers.CharField()}

    mrid = serializers.CharField()
    journal_key = serializers.UUIDField(help_text="Origin of its commands.")
    action = serializers.ChoiceField(ControlAction.choices)
    group_mrids = serializers.ListField(child=serializers.CharField())
    target = serializers.CharField(help_text="What it switches, for people.")
    group_names = serializers.ListField(child=serializers.CharField())
    reason = serializers.CharField()
    issuer_id = serializers.CharField()
    issuer_tracking_id = serializers.CharField()
    start_at = serializers.DateTimeField()
    duration_s = serializers.FloatField(allow_null=True)
    state = serializers.ChoiceField(ControlState.choices)
    state_reason = serializers.CharField()
    revision = serializers.IntegerField()
    phase = serializers.IntegerField(help_text="0 not started, 1 switched, 2 put back.")
    devices = serializers.IntegerField()
    rated_w = serializers.FloatField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    unknown = serializers.IntegerField()
    needs_release = serializers.BooleanField()
    release_until = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    requested_by = serializers.CharField()
    requested_by_mrid = serializers.CharField()
    message_correlation_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    end_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


@extend_schema_serializer(component_name="ControlPreview")
class ControlPreviewSerializer(serializers.Serializer[Any]):
    """What a control would touch; a refusal says why and touches nothing."""

    devices = serializers.IntegerField()
    rated_w = serializers.FloatField()
    needs_release = serializers.BooleanField()
    limit_devices = serializers.IntegerField()
    limit_w = serializers.FloatField()
    refused_code = serializers.CharField()
    refused = serializers.CharField()


@extend_schema_serializer(component_name="ControlDecision")
class DecisionSerializer(serializers.Serializer[Any]):
    """Why a control is cancelled or rejected."""

    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class ControlledDeviceSerializer(serializers.Serializer[Any]):
    """One device in one phase of a control."""

    phase = serializers.IntegerField()
    mrid = serializers.CharField()
    name = serializers.CharField()
    rated_w = serializers.FloatField()
    outcome = serializers.ChoiceField(DeviceOutcome.choices)
    detail = serializers.CharField()
    settled_at = serializers.DateTimeField(allow_null=True)
