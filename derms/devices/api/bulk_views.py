"""REST of many devices at once: columns for the list, export, import."""

import gzip
from typing import IO, Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.api.idempotency import idempotent
from derms.accounts.scopes import visible_organisations
from derms.accounts.selectors import actor_of
from derms.core.etag import etag_of, is_fresh
from derms.devices import selectors, services
from derms.devices.api import serializers as shapes
from derms.devices.api.views import flag


class CsvParser(BaseParser):
    """Leaves a CSV as the bytes it is; `rules.device_csv` reads it."""

    media_type = "text/csv"

    def parse(  # type: ignore[override] # DRF takes whatever a parser returns
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> bytes:
        return bytes(stream.read())


class ColumnsView(APIView):
    @extend_schema(
        responses={200: {"type": "object", "additionalProperties": {}}},
        summary="All devices as columns, for lists that live in the browser",
    )
    def get(self, request: Request) -> HttpResponse:
        found = selectors.columns_snapshot(visible=visible_organisations(actor_of(request)))
        etag = etag_of(found.etag)
        if is_fresh(request, etag):
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers={"ETag": etag})
        headers = {"ETag": etag, "Vary": "Accept-Encoding, Cookie", "Cache-Control": "private"}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            body, headers["Content-Encoding"] = found.body, "gzip"
        else:
            body = gzip.decompress(found.body)
        return HttpResponse(body, content_type="application/json", headers=headers)


class ExportView(APIView):
    @extend_schema(
        responses={(200, "text/csv"): OpenApiTypes.STR},
        summary="All devices as a CSV that can be imported again",
    )
    def get(self, request: Request) -> HttpResponseBase:
        rows = services.export_csv(visible=visible_organisations(actor_of(request)))
        return StreamingHttpResponse(
            rows,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="devices.csv"'},
        )


class ImportsView(APIView):
    parser_classes = [CsvParser]

    @extend_schema(
        parameters=[
            OpenApiParameter("dry_run", bool, description="Report only, change nothing."),
            OpenApiParameter("skip_bad", bool, description="Leave bad rows out."),
        ],
        request={"text/csv": OpenApiTypes.STR},
        responses={202: shapes.ImportSerializer},
        summary="Import devices from CSV in the background",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        content = request.data if isinstance(request.data, bytes) else b""
        wanted = services.start_import(
            content,
            dry_run=bool(flag(request, "dry_run")),
            skip_bad=bool(flag(request, "skip_bad")),
            actor=actor_of(request),
        )
        return Response(
            shapes.ImportSerializer(wanted).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": f"/api/v1/devices/imports/{wanted.mrid}"},
        )


class ImportView(APIView):
    @extend_schema(responses=shapes.ImportSerializer, summary="How far an import is")
    def get(self, request: Request, mrid: str) -> Response:
        return Response(shapes.ImportSerializer(selectors.get_import(mrid)).data)
