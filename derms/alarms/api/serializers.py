"""Shapes of alarms on the wire."""

from typing import Any

from rest_framework import serializers

from derms.alarms.choices import Priority
from derms.alarms.rules.states import AlarmState
from derms.alarms.selectors import row_of


class AlarmSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField()
    kind = serializers.CharField()
    priority = serializers.ChoiceField(Priority.choices)
    source_type = serializers.CharField()
    source_mrid = serializers.CharField()
    source_name = serializers.CharField(allow_blank=True)
    condition = serializers.CharField()
    response = serializers.CharField(allow_blank=True)
    raised_at = serializers.DateTimeField()
    last_raised_at = serializers.DateTimeField()
    count = serializers.IntegerField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.CharField(allow_blank=True)
    cleared_at = serializers.DateTimeField(allow_null=True)
    comment = serializers.CharField(allow_blank=True)
    state = serializers.ChoiceField([state.value for state in AlarmState])

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(row_of(instance))
        return shown


class AlarmSearchSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        ["open", "active", "unacknowledged", "all"],
        default="open",
        help_text="open = active or not yet acknowledged.",
    )
    priority = serializers.ChoiceField(Priority.choices, required=False)


class AcknowledgeSerializer(serializers.Serializer[Any]):
    comment = serializers.CharField(max_length=500, default="", allow_blank=True)


class AcknowledgeManySerializer(AcknowledgeSerializer):
    mrids = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=5000
    )


class AcknowledgedSerializer(serializers.Serializer[Any]):
    acknowledged = serializers.IntegerField()
