"""REST of the alarms: the list, and acknowledging."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.api.idempotency import idempotent
from derms.accounts.selectors import actor_of
from derms.alarms import selectors, services
from derms.alarms.api import serializers as shapes
from derms.core.paging import NewestFirst
from derms.core.rest import values_of


class AlarmsView(generics.ListAPIView[Any]):
    serializer_class = shapes.AlarmSerializer
    pagination_class = NewestFirst

    @extend_schema(parameters=[shapes.AlarmSearchSerializer], summary="Alarms, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        values = values_of(shapes.AlarmSearchSerializer, self.request.query_params)
        return selectors.list_alarms(which=values["state"], priority=values.get("priority"))


class AlarmAcknowledgeView(APIView):
    @extend_schema(
        request=shapes.AcknowledgeSerializer,
        responses=shapes.AlarmSerializer,
        summary="Acknowledge one alarm",
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.AcknowledgeSerializer, request.data)
        alarm = services.acknowledge_alarm(mrid=mrid, actor=actor_of(request), **values)
        return Response(shapes.AlarmSerializer(alarm).data)


class AlarmsAcknowledgeView(APIView):
    @extend_schema(
        operation_id="alarms_acknowledge_many",
        request=shapes.AcknowledgeManySerializer,
        responses=shapes.AcknowledgedSerializer,
        summary="Acknowledge many alarms",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        values = values_of(shapes.AcknowledgeManySerializer, request.data)
        count = services.acknowledge_many(**values, actor=actor_of(request))
        return Response({"acknowledged": count})
