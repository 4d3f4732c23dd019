"""REST of readings: bulk in, history and latest values out."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.scopes import visible_organisations
from derms.accounts.selectors import actor_of
from derms.core import clock
from derms.core.errors import InvalidInputError, TooLargeError
from derms.core.quantities import Quality, Quantity
from derms.devices import selectors, services
from derms.devices.api import serializers as shapes
from derms.devices.api.views import device_for
from derms.devices.choices import ReadingSource
from derms.devices.services import ReadingBatch, StoreResult

MAX_READINGS = 250_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_QUANTITY = {quantity.name.lower(): quantity.value for quantity in Quantity}
_QUALITY = {quality.name.lower(): quality.value for quality in Quality}


# Tens of thousands of short-lived rows: the garbage collector need not look at them.
class _Reading(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    device: str
    quantity: str
    measured_at: dt.datetime
    value: float
    quality: str = "good"


class _Readings(msgspec.Struct, forbid_unknown_fields=True):
    readings: list[_Reading]


_decode = msgspec.json.Decoder(_Readings).decode


class ReadingsView(APIView):
    parser_classes = [JSONParser]

    @extend_schema(
        request=shapes.BulkReadingsSerializer,
        responses=shapes.StoredSerializer,
        summary="Store many readings; bad rows are refused one by one",
    )
    def post(self, request: Request) -> HttpResponse:
        actor = actor_of(request)
        # DRF's parser and serializer cost more than the whole store (platform.md C10).
        rows = _body(request._request.body)
        batch = _batch(rows, visible_organisations(actor))
        result = services.store_readings(batch, actor=actor)
        return HttpResponse(msgspec.json.encode(_said(result)), content_type="application/json")


def _body(raw: bytes) -> list[_Reading]:
    try:
        rows = _decode(raw).readings
    except msgspec.MsgspecError as error:
        raise InvalidInputError(f"The body is not readings: {error}.", code="shape") from error
    if len(rows) > MAX_READINGS:
        raise TooLargeError(f"More than {MAX_READINGS} readings in one request.")
    return rows


def _batch(rows: list[_Reading], visible: Any) -> ReadingBatch:
    """Turn rows into columns; names nobody knows become -1, which the store refuses."""
    n = len(rows)
    mrids = list({row.device for row in rows})
    keys = dict(zip(mrids, selectors.find_ids(mrids, visible=visible).tolist(), strict=True))

    def column(values: Iterable[Any], dtype: str) -> Any:
        return np.fromiter(values, dtype=dtype, count=n)

    return ReadingBatch(
        device_id=column([keys[row.device] for row in rows], "int32"),
        quantity=column([_QUANTITY.get(row.quantity, -1) for row in rows], "int16"),
        measured_at=column([_microseconds(row.measured_at) for row in rows], "int64"),
        value=column([row.value for row in rows], "float64"),
        quality=column([_QUALITY.get(row.quality, -1) for row in rows], "int16"),
        source=ReadingSource.PUSH,
    )


def _microseconds(at: dt.datetime) -> int:
    if at.tzinfo is None:
        raise InvalidInputError("measured_at needs a time zone.", field="measured_at")
    return (at - _EPOCH) // _MICROSECOND


def _said(result: StoreResult) -> dict[str, Any]:
    refused = [
        {"row": row, "code": refusal.code, "message": refusal.message}
        for refusal in result.refused
        for row in refusal.rows.tolist()
    ]
    refused.sort(key=lambda one: one["row"])
    return {
        "stored": result.stored,
        "repeated": result.repeated,
        "late": result.late,
        "refused": refused,
    }


_PARAMETERS = [
    OpenApiParameter("quantity", str, enum=shapes.QUANTITIES, required=True),
    OpenApiParameter("from", dt.datetime, description="First instant; default an hour ago."),
    OpenApiParameter("to", dt.datetime, description="Not this instant any more; default now."),
    OpenApiParameter("resolution", str, enum=["raw", "15m"], description="Default raw."),
    OpenApiParameter("limit", int, description="At most so many points, the newest."),
]


class DeviceReadingsView(APIView):
    @extend_schema(
        parameters=_PARAMETERS, responses=shapes.ReadingsSerializer, summary="Readings of a device"
    )
    def get(self, request: Request, mrid: str) -> Response:
        device = device_for(request, mrid)
        asked = request.query_params
        quantity = asked.get("quantity", "active_power_w")
        resolution = asked.get("resolution", "raw")
        if quantity not in _QUANTITY:
            raise InvalidInputError(f"There is no quantity {quantity[:40]}.", field="quantity")
        if resolution not in {"raw", "15m"}:
            raise InvalidInputError("The resolution is raw or 15m.", field="resolution")
        end = _instant(asked.get("to"), "to") or clock.now()
        start = _instant(asked.get("from"), "from") or end - dt.timedelta(hours=1)
        limit = _limit(asked.get("limit"))
        find = selectors.list_readings if resolution == "raw" else selectors.list_rollups
        rows = find(
            device, quantity=Quantity(_QUANTITY[quantity]), start=start, end=end, limit=limit
        )
        show = _raw if resolution == "raw" else _rolled
        return Response(
            {
                "device": device.mrid,
                "quantity": quantity,
                "resolution": resolution,
                "truncated": len(rows) == limit,
                "results": [show(*row) for row in rows],
            }
        )


def _raw(at: dt.datetime, value: float, quality: int, source: int) -> dict[str, Any]:
    return {
        "measured_at": at,
        "value": value,
        "quality": Quality(quality).name.lower(),
        "source": ReadingSource(source).name.lower(),
    }


def _rolled(at: dt.datetime, mean: float, low: float, high: float, count: int) -> dict[str, Any]:
    return {"start_at": at, "mean": mean, "minimum": low, "maximum": high, "count": count}


def _instant(text: str | None, name: str) -> dt.datetime | None:
    if not text:
        return None
    try:
        return clock.parse_utc(text)
    except ValueError as error:
        raise InvalidInputError(f"{name} is not an instant: {text[:40]}", field=name) from error


def _limit(text: str | None) -> int:
    if text is None:
        return selectors.MAX_ROWS
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= selectors.MAX_ROWS:
        raise InvalidInputError(f"limit lies between 1 and {selectors.MAX_ROWS}.", field="limit")
    return int(text)


class LatestView(APIView):
    @extend_schema(
        responses={200: {"type": "object", "additionalProperties": {}}},
        summary="Latest value of each quantity of a device, with its age",
    )
    def get(self, request: Request, mrid: str) -> Response:
        return Response(selectors.list_latest(device_for(request, mrid)))
