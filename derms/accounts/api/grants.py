"""REST of what an API client may do of what its roles allow."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts import selectors, services
from derms.accounts.api import serializers as shapes
from derms.accounts.rules.grants import read_grants, revision_of
from derms.core.etag import check_if_match, etag_of
from derms.core.rest import values_of


def _shown(client: Any) -> Response:
    body = shapes.GrantsSerializer({"grants": client.grants}).data
    return Response(body, headers={"ETag": etag_of(revision_of(client.grants))})


class ApiClientGrantsView(APIView):
    @extend_schema(responses=shapes.GrantsSerializer, summary="What the client is granted")
    def get(self, request: Request, mrid: str) -> Response:
        return _shown(selectors.get_client(mrid))

    @extend_schema(
        request=shapes.GrantsSerializer,
        responses=shapes.GrantsSerializer,
        summary="Say what the client may do, on which groups (If-Match)",
    )
    def put(self, request: Request, mrid: str) -> Response:
        revision = revision_of(selectors.get_client(mrid).grants)
        check_if_match(request, revision)
        rows = values_of(shapes.GrantsSerializer, request.data)["grants"]
        client = services.set_grants(
            mrid=mrid,
            grants=read_grants(rows),
            expected_revision=revision,
            actor=selectors.actor_of(request),
        )
        return _shown(client)
