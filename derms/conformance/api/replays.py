"""REST of replays: a message of the log once more, in the sandbox."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.api.idempotency import idempotent
from derms.accounts.selectors import actor_of
from derms.conformance import services


class ReplayRequestSerializer(serializers.Serializer[Any]):
    shift_times = serializers.BooleanField(
        default=True,
        help_text="Move the times in the message by its age: what lay ahead lies ahead again.",
    )


class ReplaySerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField(source="message.mrid", help_text="The exchange in the log.")
    replay_of = serializers.CharField(source="message.replay_of")
    result = serializers.CharField(source="message.result")
    code = serializers.CharField(source="message.code")
    details = serializers.CharField(source="message.details")
    copied = serializers.ListField(
        child=serializers.CharField(), help_text="Groups that were copied into the sandbox for it."
    )
    removed = serializers.ListField(
        child=serializers.CharField(), help_text="Groups of earlier replays that made way."
    )
    moved_s = serializers.FloatField(help_text="By how much times in it were moved [s].")


class ReplayView(APIView):
    @extend_schema(
        request=ReplayRequestSerializer,
        responses={201: ReplaySerializer},
        summary="Carry a message of the log out once more, in the sandbox",
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        reader = ReplayRequestSerializer(data=request.data)
        reader.is_valid(raise_exception=True)
        done = services.replay_message(mrid=mrid, **reader.validated_data, actor=actor_of(request))
        headers = {"Location": f"/api/v1/cim-messages/{done.message.mrid}"}
        shown = ReplaySerializer(done).data
        return Response(shown, status=status.HTTP_201_CREATED, headers=headers)
