"""REST of the audit chain."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.audit import selectors, services
from derms.audit.api import serializers as shapes
from derms.core.paging import NewestFirst
from derms.core.rest import query_of, values_of


class AuditView(generics.ListAPIView[Any]):
    serializer_class = shapes.AuditRecordSerializer
    pagination_class = NewestFirst

    @extend_schema(parameters=[shapes.AuditSearchSerializer], summary="Search the audit chain")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        values = values_of(shapes.AuditSearchSerializer, query_of(self.request))
        return selectors.list_records(selectors.Search(**values))


class VerificationView(APIView):
    @extend_schema(
        responses=shapes.VerificationSerializer, summary="Verify the whole audit chain now"
    )
    def get(self, request: Request) -> Response:
        return Response(shapes.VerificationSerializer(services.verify()).data)
