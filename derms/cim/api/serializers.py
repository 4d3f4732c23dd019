"""JSON of the CIM message log."""

from typing import Any

from rest_framework import serializers

from derms.cim import selectors


class MessageSearchSerializer(serializers.Serializer[Any]):
    """What the log can be searched by."""

    noun = serializers.CharField(required=False)
    verb = serializers.CharField(required=False)
    client = serializers.CharField(required=False)
    result = serializers.ChoiceField(choices=["OK", "PARTIAL", "FAILED", "FAULT"], required=False)
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


class MessageDetailSerializer(MessageSerializer):
    """One exchange with what came in and what went out."""

    request_xml = serializers.SerializerMethodField()
    reply_xml = serializers.SerializerMethodField()

    def get_request_xml(self, message: Any) -> str:
        return selectors.body_text(message.request_body)

    def get_reply_xml(self, message: Any) -> str:
        return selectors.body_text(message.reply_body)
