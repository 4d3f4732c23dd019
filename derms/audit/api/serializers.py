"""Shapes of audit records on the wire."""

from typing import Any

from rest_framework import serializers

from derms.audit.rules.record import rest_of


class AuditRecordSerializer(serializers.Serializer[Any]):
    seq = serializers.IntegerField(allow_null=True, help_text="Place in the chain.")
    at = serializers.DateTimeField()
    actor_kind = serializers.CharField()
    actor_mrid = serializers.CharField(allow_blank=True)
    actor_name = serializers.CharField()
    # DRF's Field has an attribute of this name; on a serializer class the field wins.
    source = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    address = serializers.CharField(allow_blank=True)
    action = serializers.CharField()
    outcome = serializers.ChoiceField(["done", "refused"])
    object_type = serializers.CharField()
    object_mrid = serializers.CharField(allow_blank=True)
    correlation_id = serializers.CharField(allow_blank=True)
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    hash = serializers.CharField(allow_blank=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        rest = rest_of(instance.payload)
        instance.before, instance.after = rest.get("before"), rest.get("after")
        shown: dict[str, Any] = super().to_representation(instance)
        return shown


class AuditSearchSerializer(serializers.Serializer[Any]):
    actor = serializers.CharField(required=False, help_text="Login or client id, exactly.")
    action = serializers.CharField(required=False, help_text="Action, or the start of one.")
    outcome = serializers.ChoiceField(["done", "refused"], required=False)
    object_type = serializers.CharField(required=False)
    object_mrid = serializers.CharField(required=False)
    correlation_id = serializers.CharField(required=False)
    # Python's grammar keeps `from` from being written as an attribute.
    vars()["from"] = serializers.DateTimeField(source="start_at", required=False)
    to = serializers.DateTimeField(source="end_at", required=False)


class FaultSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    seq = serializers.IntegerField()
    detail = serializers.CharField()


class VerificationSerializer(serializers.Serializer[Any]):
    intact = serializers.BooleanField()
    records = serializers.IntegerField()
    anchors = serializers.IntegerField()
    seconds = serializers.FloatField()
    faults = FaultSerializer(many=True)
