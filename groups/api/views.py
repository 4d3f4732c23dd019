"""REST of groups: list, create, change, delete, members, status and trend."""

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
from derms.core import clock
from derms.core.errors import NotFoundError
from derms.core.etag import check_if_match
from derms.core.paging import CursorPage
from derms.core.rest import instant_of, page_at, valid, whole_of, with_etag
from groups import selectors, services
from groups.api import serializers as shapes
from groups.rules.definition import GroupKey

_AT = OpenApiParameter("at", dt.datetime, description="Instant asked about; default now.")


def _group(
    request: Request, mrid: str, *, noun: str = "DERGroups", verb: str = "get"
) -> selectors.Group:
    actor = actor_of(request)
    return selectors.get_group(key=GroupKey(mrid=mrid), actor=actor, noun=noun, verb=verb)


def _shown(group: selectors.Group, request: Request, code: int = status.HTTP_200_OK) -> Response:
    data = shapes.GroupSerializer(group, context={"request": request}).data
    return with_etag(data, group.revision, at=f"/api/v1/groups/{group.mrid}", code=code)


class GroupsView(generics.ListAPIView[selectors.Group]):
    serializer_class = shapes.GroupSerializer

    def get_queryset(self) -> QuerySet[selectors.Group]:
        text, owner = (self.request.query_params.get(name) for name in ("q", "owner"))
        groups = selectors.list_groups(actor=actor_of(self.request), sandbox=bool(owner))
        return selectors.search_groups(groups, text=text or "", owner=owner or "")

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, description="Part of a name or start of an mRID."),
            OpenApiParameter(
                "owner",
                str,
                description="Name of the owning organisation; the sandbox is listed by it alone.",
            ),
        ],
        summary="Groups with their last status",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(
        request=shapes.GroupCreateSerializer,
        responses={201: shapes.GroupSerializer},
        summary="Create a group",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        body = valid(shapes.GroupCreateSerializer, request.data)
        group = services.create_group(data=body.to_data(), actor=actor_of(request))
        return _shown(group, request, status.HTTP_201_CREATED)


class GroupView(APIView):
    @extend_schema(responses=shapes.GroupSerializer, summary="One group")
    def get(self, request: Request, mrid: str) -> Response:
        return _shown(_group(request, mrid), request)

    @extend_schema(
        request=shapes.GroupPatchSerializer,
        responses=shapes.GroupSerializer,
        summary="Change a group's definition (If-Match)",
    )
    def patch(self, request: Request, mrid: str) -> Response:
        group = _group(request, mrid, verb="change")
        check_if_match(request, group.revision)
        body = valid(shapes.GroupPatchSerializer, request.data)
        changed = services.change_group(
            key=GroupKey(mrid=mrid),
            change=body.to_change(),
            actor=actor_of(request),
            expected_revision=group.revision,
        )
        return _shown(changed, request)

    @extend_schema(responses={204: None}, summary="Delete a group (If-Match)")
    def delete(self, request: Request, mrid: str) -> Response:
        group = _group(request, mrid, verb="delete")
        check_if_match(request, group.revision)
        services.delete_group(
            key=GroupKey(mrid=mrid), actor=actor_of(request), expected_revision=group.revision
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class GroupMembersView(APIView):
    pagination_class = CursorPage

    @extend_schema(
        parameters=[
            _AT,
            OpenApiParameter("cursor", int, description="Where the next page starts."),
            OpenApiParameter("page_size", int, description="Rows of a page, at most 500."),
        ],
        responses=shapes.MemberSerializer(many=True),
        operation_id="groups_members_list",
        summary="Members of a group, now or at an instant",
    )
    def get(self, request: Request, mrid: str) -> Response:
        ids = selectors.member_ids(_group(request, mrid).pk, at=instant_of(request, "at"))
        start = whole_of(request, "cursor", default=0, high=len(ids))
        stop = start + whole_of(request, "page_size", default=100, high=500)
        following = page_at(request, stop) if stop < len(ids) else None
        rows = shapes.MemberSerializer(selectors.member_rows(ids[start:stop]), many=True).data
        return Response({"next": following, "total": len(ids), "results": rows})

    @extend_schema(
        request=shapes.MembersChangeSerializer,
        responses=shapes.GroupSerializer,
        summary="Add and remove members",
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        body = valid(shapes.MembersChangeSerializer, request.data)
        group = services.change_group(
            key=GroupKey(mrid=mrid), change=body.to_change(), actor=actor_of(request)
        )
        return _shown(group, request)


class GroupStatusView(APIView):
    @extend_schema(responses=shapes.GroupStatusSerializer, summary="Last status of a group")
    def get(self, request: Request, mrid: str) -> Response:
        group = _group(request, mrid, noun="DERGroupStatuses")
        found = selectors.find_status(group)
        if found is None and group.announced_by:
            raise NotFoundError(
                "This group is another party's and has no device of ours; see what it told",
                code="not_measured",
            )
        if found is None:
            raise NotFoundError("This group has not been aggregated yet", code="no_status_yet")
        return Response(selectors.status_row(found))


class GroupStatusesView(APIView):
    @extend_schema(
        responses=shapes.GroupStatusSerializer(many=True),
        operation_id="group_statuses_list",
        summary="Last status of every group",
    )
    def get(self, request: Request) -> Response:
        found = selectors.list_statuses(actor=actor_of(request))
        return Response([selectors.status_row(each) for each in found])


class GroupTrendView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("from", dt.datetime, description="Default: one hour before `to`."),
            OpenApiParameter("to", dt.datetime, description="Default: now."),
        ],
        responses=shapes.TrendSampleSerializer(many=True),
        operation_id="groups_trend_list",
        summary="History of a group's status, at most 2,000 samples",
    )
    def get(self, request: Request, mrid: str) -> Response:
        group = _group(request, mrid, noun="DERGroupStatuses")
        end_at = instant_of(request, "to") or clock.now()
        start_at = instant_of(request, "from") or end_at - dt.timedelta(hours=1)
        samples = selectors.trend(group.pk, start_at=start_at, end_at=end_at)
        return Response(shapes.TrendSampleSerializer(samples, many=True).data)
