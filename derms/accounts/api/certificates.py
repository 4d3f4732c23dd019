"""REST of what an API client must show: its policy, and its certificates."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts import selectors, services
from derms.accounts.api import serializers as shapes
from derms.accounts.api.idempotency import idempotent
from derms.accounts.choices import Proof
from derms.accounts.rules.certificates import CertificateState
from derms.core.paging import CursorPage, NewestFirst
from derms.core.rest import values_of


class ApiClientPolicyView(APIView):
    @extend_schema(
        request=shapes.PolicySerializer,
        responses=shapes.ApiClientSerializer,
        summary="Say what the client must show, and whether our replies are signed",
    )
    def put(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.PolicySerializer, request.data)
        values["demands"] = frozenset(Proof(demand) for demand in values["demands"])
        client = services.update_client(
            mrid=mrid, policy=services.Policy(**values), actor=selectors.actor_of(request)
        )
        return Response(shapes.ApiClientSerializer(client).data)


class CertificatesView(generics.ListAPIView[Any]):
    serializer_class = shapes.ClientCertificateSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Any]:
        return selectors.list_certificates(self.kwargs["mrid"])

    @extend_schema(summary="Certificates of an API client, the newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=shapes.NewCertificateSerializer,
        responses={201: shapes.ClientCertificateSerializer},
        summary="Register a certificate; those registered before stay",
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.NewCertificateSerializer, request.data)
        row = services.register_certificate(mrid=mrid, **values, actor=selectors.actor_of(request))
        shown = shapes.ClientCertificateSerializer(row).data
        return Response(shown, status=status.HTTP_201_CREATED)


class ByEnd(CursorPage):
    """What ends first comes first."""

    ordering = "not_after"


class AllCertificatesView(generics.ListAPIView[Any]):
    serializer_class = shapes.CertificateOfSerializer
    pagination_class = ByEnd

    def get_queryset(self) -> QuerySet[Any]:
        asked = self.request.query_params
        return selectors.list_all_certificates(
            state=asked.get("state", ""), text=asked.get("q", "")
        )

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, enum=[str(state) for state in CertificateState]),
            OpenApiParameter(
                "q", str, description="Part of subject or client, or start of the fingerprint."
            ),
        ],
        operation_id="certificates_list",
        summary="Certificates of all API clients, those that end first first",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class RevokeView(APIView):
    @extend_schema(
        request=shapes.RevocationSerializer,
        responses=shapes.ClientCertificateSerializer,
        summary="Stop taking a certificate, for good",
    )
    @idempotent
    def post(self, request: Request, mrid: str, sha256: str) -> Response:
        values = values_of(shapes.RevocationSerializer, request.data)
        row = services.revoke_certificate(
            mrid=mrid, sha256=sha256, **values, actor=selectors.actor_of(request)
        )
        return Response(shapes.ClientCertificateSerializer(row).data)
