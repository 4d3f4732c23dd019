"""REST of dispatches: preview, create, follow, cancel."""

import datetime as dt
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.api.idempotency import idempotent
from derms.accounts.selectors import actor_of
from derms.core.errors import InvalidInputError
from derms.core.paging import CursorPage, NewestFirst
from derms.core.rest import instant_of, page_at, uuids_of, valid, values_of, whole_of
from dispatch import selectors, services
from dispatch.api import serializers as shapes
from dispatch.api.previews import preview_body
from dispatch.choices import DispatchState
from dispatch.rules.dispatch_states import OPEN


def _body(request: Request) -> services.DispatchData:
    return valid(shapes.DispatchRequestSerializer, request.data).to_data()


class PreviewView(APIView):
    @extend_schema(
        request=shapes.DispatchRequestSerializer,
        responses=shapes.PreviewSerializer,
        summary="What would become of a dispatch; nothing is done",
    )
    def post(self, request: Request) -> Response:
        preview = services.preview_dispatch(data=_body(request), actor=actor_of(request))
        return Response(shapes.PreviewSerializer(preview_body(preview)).data)


class DispatchesView(generics.ListAPIView[selectors.Dispatch]):
    serializer_class = shapes.DispatchSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[selectors.Dispatch]:
        query = self.request.query_params
        return selectors.list_dispatches(
            actor=actor_of(self.request),
            states=_states(query.get("state", ""), only_open=query.get("open") == "true"),
            group_mrid=query.get("group") or None,
            origins=uuids_of(self.request, "origin"),
        )

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, description="States, comma separated."),
            OpenApiParameter("group", str, description="mRID of a group."),
            OpenApiParameter("origin", str, description="Origins of commands, comma separated."),
            OpenApiParameter("open", bool, description="Only those that have not ended."),
        ],
        summary="Dispatches, the newest first",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(
        request=shapes.DispatchRequestSerializer,
        responses={202: shapes.DispatchSerializer},
        summary="Dispatch a group",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        row = services.create_dispatch(data=_body(request), actor=actor_of(request))
        return Response(
            shapes.DispatchSerializer(row).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": f"/api/v1/dispatches/{row.mrid}"},
        )


def _states(text: str, *, only_open: bool) -> frozenset[str] | None:
    wanted = frozenset(filter(None, text.split(",")))
    unknown = wanted - set(DispatchState.values)
    if unknown:
        raise InvalidInputError(f"There is no state {sorted(unknown)[0]!r}.", field="state")
    if only_open:
        return frozenset(OPEN) & wanted if wanted else frozenset(OPEN)
    return wanted or None


class DispatchView(APIView):
    @extend_schema(responses=shapes.DispatchSerializer, summary="One dispatch")
    def get(self, request: Request, mrid: str) -> Response:
        row = selectors.get_dispatch(mrid, actor=actor_of(request))
        return Response(shapes.DispatchSerializer(row).data)


class CancelView(APIView):
    @extend_schema(
        request=shapes.CancelSerializer,
        responses=shapes.DispatchSerializer,
        summary="Cancel a dispatch and release its devices",
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.CancelSerializer, request.data)
        row = services.cancel_dispatch(mrid=mrid, actor=actor_of(request), **values)
        return Response(shapes.DispatchSerializer(row).data)


class MembersView(APIView):
    pagination_class = CursorPage

    @extend_schema(
        parameters=[
            OpenApiParameter("cursor", int, description="Where the next page starts."),
            OpenApiParameter("page_size", int, description="Rows of a page, at most 500."),
        ],
        responses=shapes.MemberSerializer(many=True),
        operation_id="dispatches_members_list",
        summary="Members of a dispatch: asked, measured, state",
    )
    def get(self, request: Request, mrid: str) -> Response:
        row = selectors.get_dispatch(mrid, actor=actor_of(request))
        after = whole_of(request, "cursor", default=0, high=2**31 - 1)
        size = whole_of(request, "page_size", default=100, low=1, high=500)
        rows, following = selectors.member_rows(row, after=after, limit=size)
        link = None if following is None else page_at(request, following)
        results = shapes.MemberSerializer(rows, many=True).data
        return Response({"next": link, "previous": None, "results": results})


class SamplesView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("from", dt.datetime, description="Default: the beginning."),
            OpenApiParameter("to", dt.datetime, description="Default: the end."),
        ],
        responses=shapes.SampleSerializer(many=True),
        operation_id="dispatches_samples_list",
        summary="Asked, commanded and measured over time, at most 2,000 samples",
    )
    def get(self, request: Request, mrid: str) -> Response:
        row = selectors.get_dispatch(mrid, actor=actor_of(request))
        found = selectors.samples(
            row, start_at=instant_of(request, "from"), end_at=instant_of(request, "to")
        )
        return Response(shapes.SampleSerializer(found, many=True).data)


class EventsView(APIView):
    @extend_schema(
        responses=shapes.EventSerializer(many=True),
        operation_id="dispatches_events_list",
        summary="Timeline of a dispatch",
    )
    def get(self, request: Request, mrid: str) -> Response:
        row = selectors.get_dispatch(mrid, actor=actor_of(request))
        return Response(shapes.EventSerializer(selectors.events(row), many=True).data)
