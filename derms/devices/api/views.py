"""REST of the device register: list, one device, eligibility, life cycle."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.api.idempotency import idempotent
from derms.accounts.scopes import visible_organisations
from derms.accounts.selectors import actor_of
from derms.core.errors import InvalidInputError
from derms.core.etag import check_if_match
from derms.core.rest import valid, values_of, with_etag
from derms.devices import selectors, services
from derms.devices.api import serializers as shapes
from derms.devices.choices import DeviceKind, LifecycleState

_FILTERS = [
    OpenApiParameter("q", str, description="Part of a name or address, or start of an mRID."),
    OpenApiParameter("kind", str, enum=DeviceKind.values, many=True),
    OpenApiParameter("lifecycle_state", str, enum=LifecycleState.values, many=True),
    OpenApiParameter("eligible", bool),
    OpenApiParameter("feeder", str, description="Name of the feeder."),
    OpenApiParameter(
        "owner",
        str,
        description="mRID or name of the organisation; the sandbox is listed by it alone.",
    ),
]


_FLAGS = {"": None, "false": False, "0": False, "true": True, "1": True}


def flag(request: Request, name: str) -> bool | None:
    """Return a truth value among the query parameters; None when it is not given.

    Raises:
        InvalidInputError: neither true nor false.
    """
    try:
        return _FLAGS[request.query_params.get(name, "").lower()]
    except KeyError:
        raise InvalidInputError(f"{name} is true or false.", field=name) from None


def device_for(request: Request, mrid: str) -> Any:
    """Return a device the caller may see."""
    return selectors.get_device(mrid, visible=visible_organisations(actor_of(request)))


def _detail(device: Any, code: int = status.HTTP_200_OK) -> Response:
    data = shapes.DeviceDetailSerializer(device).data
    return with_etag(data, device.revision, at=f"/api/v1/devices/{device.mrid}", code=code)


def _revision(request: Request, device: Any) -> int | None:
    """Return the revision a change is based on; None when the caller did not say."""
    if "If-Match" not in request.headers:
        return None
    check_if_match(request, device.revision)
    return int(device.revision)


class DevicesView(generics.ListAPIView[Any]):
    serializer_class = shapes.DeviceSerializer

    def get_queryset(self) -> QuerySet[Any]:
        visible = visible_organisations(actor_of(self.request))
        devices = selectors.list_devices(visible=visible)
        asked = self.request.query_params
        if visible is None and not asked.get("owner"):
            devices = selectors.without_sandbox(devices)
        return selectors.filter_devices(
            devices,
            text=asked.get("q", ""),
            kinds=asked.getlist("kind"),
            states=asked.getlist("lifecycle_state"),
            eligible=flag(self.request, "eligible"),
            feeder=asked.get("feeder", ""),
            owner=asked.get("owner", ""),
        )

    @extend_schema(parameters=_FILTERS, summary="Devices, page by page")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(
        request=shapes.NewDeviceSerializer,
        responses={201: shapes.DeviceDetailSerializer},
        summary="Register a device",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        body = valid(shapes.NewDeviceSerializer, request.data)
        made = services.register_device(data=body.to_data(), actor=actor_of(request))
        return _detail(selectors.get_device(made.mrid), status.HTTP_201_CREATED)


class DeviceView(APIView):
    @extend_schema(responses=shapes.DeviceDetailSerializer, summary="One device")
    def get(self, request: Request, mrid: str) -> Response:
        return _detail(device_for(request, mrid))

    @extend_schema(
        request=shapes.DeviceChangeSerializer,
        responses=shapes.DeviceDetailSerializer,
        summary="Change a device; needs If-Match",
    )
    def patch(self, request: Request, mrid: str) -> Response:
        device = device_for(request, mrid)
        check_if_match(request, device.revision)
        body = valid(shapes.DeviceChangeSerializer, request.data)
        services.update_device(
            mrid=mrid,
            changes=body.to_changes(),
            revision=device.revision,
            actor=actor_of(request),
        )
        return _detail(device_for(request, mrid))


class EligibilityView(APIView):
    @extend_schema(
        request=shapes.EligibilitySerializer,
        responses=shapes.DeviceDetailSerializer,
        summary="Let a device be dispatched, or not",
    )
    def put(self, request: Request, mrid: str) -> Response:
        device = device_for(request, mrid)
        body = values_of(shapes.EligibilitySerializer, request.data)
        services.set_eligible(
            mrid=mrid,
            revision=_revision(request, device),
            actor=actor_of(request),
            **body,
        )
        return _detail(device_for(request, mrid))


class LifecycleView(APIView):
    @extend_schema(
        request=shapes.LifecycleSerializer,
        responses=shapes.DeviceDetailSerializer,
        summary="Move a device along its life cycle",
    )
    def put(self, request: Request, mrid: str) -> Response:
        device = device_for(request, mrid)
        body = values_of(shapes.LifecycleSerializer, request.data)
        services.set_lifecycle(
            mrid=mrid, revision=_revision(request, device), actor=actor_of(request), **body
        )
        return _detail(device_for(request, mrid))
