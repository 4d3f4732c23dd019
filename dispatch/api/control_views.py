"""REST of connect and disconnect controls: preview, create, follow, cancel, release, reject."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.api.idempotency import idempotent
from derms.accounts.selectors import actor_of
from derms.core.errors import InvalidInputError, NotFoundError, RuleViolationError
from derms.core.etag import check_if_match
from derms.core.paging import CursorPage, NewestFirst
from derms.core.rest import uuids_of, valid, values_of, with_etag
from dispatch import selectors, services
from dispatch.api import control_serializers as shapes
from dispatch.choices import ControlAction, ControlState, DeviceOutcome
from dispatch.rules.control_states import OPEN

_IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True)


def _body(request: Request) -> services.ControlData:
    return valid(shapes.ControlRequestSerializer, request.data).to_data()


def _reason(request: Request) -> str:
    return str(values_of(shapes.DecisionSerializer, request.data)["reason"])


def _answer(row: selectors.Control, *, code: int = status.HTTP_200_OK) -> Response:
    data = shapes.ControlSerializer(row).data
    return with_etag(data, row.revision, at=f"/api/v1/controls/{row.mrid}", code=code)


class ControlPreviewView(APIView):
    @extend_schema(
        request=shapes.ControlRequestSerializer,
        responses=shapes.ControlPreviewSerializer,
        summary="What a control would touch; nothing is done",
    )
    def post(self, request: Request) -> Response:
        limits = services.release_limits()
        shown: dict[str, Any] = {
            "devices": 0,
            "rated_w": 0.0,
            "needs_release": False,
            "limit_devices": limits.devices,
            "limit_w": limits.rated_w,
            "refused_code": "",
            "refused": "",
        }
        try:
            preview = services.preview_control(data=_body(request), actor=actor_of(request))
        except (RuleViolationError, NotFoundError) as error:
            shown |= {"refused_code": error.code, "refused": error.message}
        else:
            shown |= {
                "devices": preview.devices,
                "rated_w": preview.rated_w,
                "needs_release": preview.needs_release,
            }
        return Response(shapes.ControlPreviewSerializer(shown).data)


class ControlsView(generics.ListAPIView[selectors.Control]):
    serializer_class = shapes.ControlSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[selectors.Control]:
        query = self.request.query_params
        return selectors.list_controls(
            actor=actor_of(self.request),
            states=_states(query.get("state", ""), only_open=query.get("open") == "true"),
            group_mrid=query.get("group", ""),
            device_mrid=query.get("device", ""),
            action=_known(query.get("action", ""), ControlAction.values, "action"),
            origins=uuids_of(self.request, "origin"),
        )

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, description="States, comma separated."),
            OpenApiParameter("group", str, description="mRID of a group."),
            OpenApiParameter("device", str, description="mRID of a device."),
            OpenApiParameter("action", str, enum=ControlAction.values),
            OpenApiParameter("origin", str, description="Origins of commands, comma separated."),
            OpenApiParameter("open", bool, description="Only those that have not ended."),
        ],
        summary="Connect and disconnect controls, the newest first",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(
        request=shapes.ControlRequestSerializer,
        responses={202: shapes.ControlSerializer},
        summary="Connect or disconnect groups or devices; large ones wait for a second person",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        row = services.create_control(data=_body(request), actor=actor_of(request))
        return _answer(row, code=status.HTTP_202_ACCEPTED)


def _known(value: str, values: list[str], field: str) -> str:
    if value and value not in values:
        raise InvalidInputError(f"There is no {field} {value!r}.", field=field)
    return value


def _states(text: str, *, only_open: bool) -> frozenset[str] | None:
    wanted = frozenset(_known(s, ControlState.values, "state") for s in text.split(",") if s)
    if only_open:
        return frozenset(OPEN) & wanted if wanted else frozenset(OPEN)
    return wanted or None


class ControlView(APIView):
    @extend_schema(responses=shapes.ControlSerializer, summary="One control")
    def get(self, request: Request, mrid: str) -> Response:
        return _answer(selectors.get_control(mrid, actor=actor_of(request)))


class ControlDevicesView(generics.ListAPIView[selectors.ControlledDevice]):
    serializer_class = shapes.ControlledDeviceSerializer
    pagination_class = CursorPage

    def get_queryset(self) -> QuerySet[selectors.ControlledDevice]:
        outcome = self.request.query_params.get("outcome", "")
        return selectors.list_controlled_devices(
            selectors.get_control(self.kwargs["mrid"], actor=actor_of(self.request)),
            outcome=_known(outcome, DeviceOutcome.values, "outcome"),
        )

    @extend_schema(
        parameters=[OpenApiParameter("outcome", str, enum=DeviceOutcome.values)],
        summary="What became of each device of a control",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)


class ControlCancelView(APIView):
    @extend_schema(
        request=shapes.DecisionSerializer,
        responses=shapes.ControlSerializer,
        summary="Cancel a control that has not started, or the going back of one that has",
    )
    def post(self, request: Request, mrid: str) -> Response:
        row = services.cancel_control(mrid=mrid, reason=_reason(request), actor=actor_of(request))
        return _answer(row)


class ControlReleaseView(APIView):
    @extend_schema(
        parameters=[_IF_MATCH],
        request=None,
        responses=shapes.ControlSerializer,
        summary="Release a control that waits for a second person",
    )
    def post(self, request: Request, mrid: str) -> Response:
        actor = actor_of(request)
        row = selectors.get_control(mrid, actor=actor)
        check_if_match(request, row.revision)
        row = services.release_control(mrid=mrid, revision=row.revision, actor=actor)
        return _answer(row)


class ControlRejectView(APIView):
    @extend_schema(
        parameters=[_IF_MATCH],
        request=shapes.DecisionSerializer,
        responses=shapes.ControlSerializer,
        summary="Refuse a control that waits for a second person",
    )
    def post(self, request: Request, mrid: str) -> Response:
        actor = actor_of(request)
        row = selectors.get_control(mrid, actor=actor)
        check_if_match(request, row.revision)
        row = services.reject_control(
            mrid=mrid, revision=row.revision, reason=_reason(request), actor=actor
        )
        return _answer(row)
