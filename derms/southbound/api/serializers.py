"""Shapes of device commands and links on the wire."""

from typing import Any

from rest_framework import serializers

from derms.southbound.choices import CommandKind, CommandState, LinkState

KINDS = [kind.name.lower() for kind in CommandKind]
STATES = [state.name.lower() for state in CommandState]


class CommandSerializer(serializers.Serializer[Any]):
    """Needs `devices`, primary key -> (mRID, name), in its context."""

    id = serializers.IntegerField()
    device = serializers.SerializerMethodField(help_text="mRID of the device.")
    device_name = serializers.SerializerMethodField()
    origin = serializers.UUIDField(help_text="mRID of what caused the command.")
    revision = serializers.IntegerField()
    kind = serializers.SerializerMethodField()
    value = serializers.FloatField(help_text="W or var, positive = injection.")
    state = serializers.SerializerMethodField()
    valid_until = serializers.DateTimeField()
    reversion_s = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    protocol_code = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)

    def get_device(self, command: Any) -> str:
        return str(self._device(command)[0])

    def get_device_name(self, command: Any) -> str:
        return str(self._device(command)[1])

    def get_kind(self, command: Any) -> str:
        return CommandKind(command.kind).name.lower()

    def get_state(self, command: Any) -> str:
        return CommandState(command.state).name.lower()

    def _device(self, command: Any) -> tuple[str, str]:
        found: tuple[str, str] = self.context["devices"].get(command.device_id, ("", ""))
        return found


class CommandSearchSerializer(serializers.Serializer[Any]):
    device = serializers.CharField(required=False, help_text="mRID of a device.")
    origin = serializers.UUIDField(required=False, help_text="mRID of what caused the commands.")
    state = serializers.ChoiceField(STATES, required=False)

    def validate_state(self, value: str) -> CommandState:
        return CommandState[value.upper()]


class LinkSerializer(serializers.Serializer[Any]):
    """Needs `devices`, primary key -> (mRID, name), in its context."""

    device = serializers.SerializerMethodField(help_text="mRID of the device.")
    device_name = serializers.SerializerMethodField()
    state = serializers.ChoiceField(LinkState.choices)
    last_ok_at = serializers.DateTimeField(allow_null=True)
    last_failure_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField(allow_blank=True)
    consecutive_failures = serializers.IntegerField()
    round_trip_ms = serializers.FloatField(allow_null=True)
    changed_at = serializers.DateTimeField(allow_null=True)

    def get_device(self, link: Any) -> str:
        return str(self.context["devices"].get(link.device_id, ("", ""))[0])

    def get_device_name(self, link: Any) -> str:
        return str(self.context["devices"].get(link.device_id, ("", ""))[1])


class LinkSearchSerializer(serializers.Serializer[Any]):
    device = serializers.CharField(required=False, help_text="mRID of a device.")
    state = serializers.ChoiceField(LinkState.choices, required=False)
