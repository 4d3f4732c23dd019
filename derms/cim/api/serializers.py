"""JSON of the CIM message log."""

from typing import Any

from rest_framework import serializers


class MessageSearchSerializer(serializers.Serializer[Any]):
    """What the log can be searched by."""

    noun = serializers.CharField(required=False)
    verb = serializers.CharField(required=False)
    client = serializers.CharField(required=False)
    direction = serializers.ChoiceField(choices=["in", "out"], required=False)
    group = serializers.CharField(required=False, help_text="mRID or name as messages give it.")
    start_at = serializers.DateTimeField(required=False)
    end_at = serializers.DateTimeField(required=False)
    code = serializers.CharField(required=False)
    result = serializers.ChoiceField(
        choices=["OK", "PARTIAL", "FAILED", "FAULT", "NOT_OK"], required=False
    )
    message_id = serializers.CharField(required=False)
    correlation_id = serializers.CharField(required=False)
    q = serializers.CharField(required=False)


class MessageSerializer(serializers.Serializer[Any]):
    """One exchange without its bodies."""

    mrid = serializers.CharField()
    direction = serializers.ChoiceField(choices=["in", "out"])
    client = serializers.CharField(source="client_name")
    address = serializers.CharField()
    path = serializers.CharField()
    verb = serializers.CharField()
    noun = serializers.CharField()
    message_id = serializers.CharField()
    correlation_id = serializers.CharField()
    request_id = serializers.CharField(source="request_correlation_id")
    received_at = serializers.DateTimeField()
    duration_ms = serializers.FloatField(allow_null=True)
    http_status = serializers.IntegerField(allow_null=True)
    result = serializers.CharField()
    code = serializers.CharField()
    details = serializers.CharField()
    request_size = serializers.IntegerField()
    reply_size = serializers.IntegerField()
    replays = serializers.IntegerField()
    proofs = serializers.CharField(help_text="By what the sender has shown who it is.")
    groups = serializers.ListField(child=serializers.CharField())
    replay_of = serializers.CharField(
        help_text="The exchange a person has carried out once more in the sandbox; or empty."
    )


class ChangeSerializer(serializers.Serializer[Any]):
    """One thing a message has changed."""

    action = serializers.CharField()
    object_type = serializers.CharField()
    mrid = serializers.CharField()


class MessageDetailSerializer(MessageSerializer):
    """One exchange with what came in and what went out, as this reader may see it."""

    changed = ChangeSerializer(many=True)
    request_xml = serializers.CharField()
    reply_xml = serializers.CharField()
    masked = serializers.BooleanField(help_text="Personal data are hidden in the XML.")
    request_fault = serializers.CharField(help_text="First violation of our schema; or empty.")
    reply_fault = serializers.CharField(help_text="First violation of our schema; or empty.")


class CountersSerializer(serializers.Serializer[Any]):
    """What went on with one partner in one direction."""

    client = serializers.CharField()
    direction = serializers.ChoiceField(choices=["in", "out"])
    messages = serializers.IntegerField()
    failed = serializers.IntegerField(help_text="Any result but OK.")
    median_ms = serializers.FloatField(allow_null=True)
    p95_ms = serializers.FloatField(allow_null=True)
    last_at = serializers.DateTimeField()
