"""The overview and the system page."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.config import overview, system
from derms.config.api import serializers as shapes


class OverviewView(APIView):
    @extend_schema(responses=shapes.OverviewSerializer, summary="The whole fleet at a glance")
    def get(self, _request: Request) -> Response:
        return Response(overview.get_overview())


class SystemView(APIView):
    @extend_schema(responses=shapes.SystemSerializer, summary="Queues, outbox, shards, processes")
    def get(self, _request: Request) -> Response:
        return Response(shapes.SystemSerializer(system.get_system()).data)
