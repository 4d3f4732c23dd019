"""REST door of the CIM message log: search, detail with the XML, conversation, counters."""

import dataclasses
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.selectors import actor_of
from derms.cim import exporting, selectors
from derms.cim.api import serializers as shapes
from derms.core.paging import CursorPage


class NewestReceived(CursorPage):
    """The last received first, so that a range of time is one stretch of an index."""

    ordering = ("-received_at", "-id")  # type: ignore[assignment] # DRF takes several


def _search(request: Request) -> selectors.Search:
    query = {k: v for k, v in request.query_params.dict().items() if v}
    reader = shapes.MessageSearchSerializer(data=query)
    reader.is_valid(raise_exception=True)
    return selectors.Search(**reader.validated_data)


class MessagesView(generics.ListAPIView[Any]):
    serializer_class = shapes.MessageSerializer
    pagination_class = NewestReceived

    @extend_schema(
        parameters=[shapes.MessageSearchSerializer], summary="List CIM exchanges, newest first"
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        return selectors.list_messages(_search(self.request))


class MessagesExportView(APIView):
    @extend_schema(
        parameters=[shapes.MessageSearchSerializer],
        responses={(200, "text/csv"): OpenApiTypes.STR},
        summary="The exchanges that match as CSV, newest first, at most 100,000",
    )
    def get(self, request: Request) -> HttpResponseBase:
        return StreamingHttpResponse(
            exporting.export_rows(_search(request)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="cim-messages.csv"'},
        )


class MessageView(APIView):
    @extend_schema(
        responses=shapes.MessageDetailSerializer,
        summary="One CIM exchange with request and reply as they were on the wire",
    )
    def get(self, request: Request, mrid: str) -> Response:
        message = selectors.get_message(mrid)
        shown = selectors.show_bodies(message, actor_of(request))
        row = shapes.MessageSerializer(message).data
        more = {"changed": message.changed, **dataclasses.asdict(shown)}
        return Response(shapes.MessageDetailSerializer(row_of(row) | more).data)


class MessageArchiveView(APIView):
    @extend_schema(
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
        summary="One CIM exchange as a zip: request, reply and what else is known",
    )
    def get(self, request: Request, mrid: str) -> HttpResponse:
        message = selectors.get_message(mrid)
        return HttpResponse(
            exporting.archive(message, actor_of(request)),
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="exchange-{message.mrid}.zip"'},
        )


def row_of(row: Any) -> dict[str, Any]:
    """Return a rendered row with the names the detail serializer reads it by."""
    return {**row, "client_name": row["client"], "request_correlation_id": row["request_id"]}


class ThreadView(APIView):
    pagination_class = None

    @extend_schema(
        responses=shapes.MessageSerializer(many=True),
        summary="The conversation an exchange is part of, oldest first, at most 200",
    )
    def get(self, request: Request, mrid: str) -> Response:
        return Response(shapes.MessageSerializer(selectors.list_thread(mrid), many=True).data)


class CountersView(APIView):
    pagination_class = None

    @extend_schema(
        parameters=[OpenApiParameter("hours", float, description="Over how long; 24 if missing.")],
        responses=shapes.CountersSerializer(many=True),
        summary="Messages, errors, median and p95 latency of each partner",
    )
    def get(self, request: Request) -> Response:
        field = serializers.FloatField(min_value=0.01, max_value=24 * 31)
        hours = field.run_validation(request.query_params.get("hours", 24))
        found = selectors.count_by_partner(hours=hours)
        return Response(shapes.CountersSerializer(found, many=True).data)
