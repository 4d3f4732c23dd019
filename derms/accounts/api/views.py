"""REST of accounts: oneself, users, API clients, organisations."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts import selectors, services
from derms.accounts.api import serializers as shapes
from derms.accounts.api.idempotency import idempotent
from derms.accounts.permissions import permissions_of
from derms.core import clock
from derms.core.actors import ActorKind
from derms.core.addresses import socket_url
from derms.core.errors import InvalidInputError, RuleViolationError
from derms.core.rest import values_of

_MAX_PREFERENCES = 64 * 1024


class MeView(APIView):
    @extend_schema(responses=shapes.MeSerializer, summary="Who I am and what I may do")
    def get(self, request: Request) -> Response:
        return Response(shapes.MeSerializer(self.describe(request)).data)

    @extend_schema(
        request=shapes.PreferencesSerializer,
        responses=shapes.MeSerializer,
        summary="Keep my preferences",
    )
    def patch(self, request: Request) -> Response:
        actor = selectors.actor_of(request)
        if actor.kind != ActorKind.USER:
            raise RuleViolationError("Only people have preferences.")
        if len(request.body) > _MAX_PREFERENCES:
            raise InvalidInputError("Preferences are limited to 64 kB.", field="/preferences")
        values = values_of(shapes.PreferencesSerializer, request.data)
        services.set_preferences(mrid=actor.mrid, preferences=values["preferences"])
        return self.get(request)

    def describe(self, request: Request) -> dict[str, Any]:
        actor = selectors.actor_of(request)
        return selectors.profile_of(actor) | {
            "roles": sorted(actor.roles),
            "permissions": permissions_of(actor),
            "mode_tag": settings.MODE_TAG,
            "site_name": settings.SITE_NAME,
            "site_time_zone": settings.SITE_TIME_ZONE,
            "server_time": clock.now(),
            "build": settings.BUILD_ID,
            "socket_url": socket_url(request._request),
            "idle_s": settings.SESSION_IDLE_S,
        }


class ExtendView(APIView):
    @extend_schema(
        request=None, responses=shapes.ExtendedSerializer, summary="Keep my session alive"
    )
    def post(self, request: Request) -> Response:
        return Response({"server_time": clock.now(), "idle_s": settings.SESSION_IDLE_S})


class OrganisationsView(generics.ListAPIView[Any]):
    serializer_class = shapes.OrganisationSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return selectors.list_organisations()

    @extend_schema(
        request=shapes.OrganisationSerializer,
        responses={201: shapes.OrganisationSerializer},
        summary="Create an organisation",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        values = values_of(shapes.OrganisationSerializer, request.data)
        made = services.create_organisation(**values, actor=selectors.actor_of(request))
        return Response(shapes.OrganisationSerializer(made).data, status=status.HTTP_201_CREATED)


class UsersView(generics.ListAPIView[Any]):
    serializer_class = shapes.UserSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return selectors.list_users()

    @extend_schema(
        request=shapes.NewUserSerializer,
        responses={201: shapes.UserSerializer},
        summary="Create a user",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        values = values_of(shapes.NewUserSerializer, request.data)
        party = values.pop("organisation")
        user = services.create_user(
            **values,
            organisation=selectors.get_organisation(party) if party else None,
            actor=selectors.actor_of(request),
        )
        return _created(shapes.UserSerializer(user).data, request, user.mrid)


class UserView(APIView):
    @extend_schema(responses=shapes.UserSerializer, summary="One user")
    def get(self, request: Request, mrid: str) -> Response:
        return Response(shapes.UserSerializer(selectors.get_user(mrid)).data)

    @extend_schema(
        request=shapes.UserChangeSerializer,
        responses=shapes.UserSerializer,
        summary="Change roles, name or the right to log in",
    )
    def patch(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.UserChangeSerializer, request.data)
        user = services.update_user(mrid=mrid, **values, actor=selectors.actor_of(request))
        return Response(shapes.UserSerializer(user).data)


class UserPasswordView(APIView):
    @extend_schema(
        request=shapes.PasswordSerializer, responses={204: None}, summary="Set a new password"
    )
    def post(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.PasswordSerializer, request.data)
        services.set_password(mrid=mrid, **values, actor=selectors.actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ApiClientsView(generics.ListAPIView[Any]):
    serializer_class = shapes.ApiClientSerializer

    def get_queryset(self) -> QuerySet[Any]:
        retired = self.request.query_params.get("retired") == "true"
        return selectors.list_clients(retired=retired)

    @extend_schema(
        parameters=[
            OpenApiParameter("retired", bool, description="Those that have retired too."),
        ],
        summary="Systems that may call us",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=shapes.NewApiClientSerializer,
        responses={201: shapes.CreatedApiClientSerializer},
        summary="Create an API client; its secret is shown this once",
    )
    def post(self, request: Request) -> Response:
        # Not idempotent by key: a stored reply would keep the secret readable.
        values = values_of(shapes.NewApiClientSerializer, request.data)
        party = selectors.get_organisation(values.pop("organisation"))
        client, secret = services.create_client(
            **values, organisation=party, actor=selectors.actor_of(request)
        )
        shown = {**shapes.ApiClientSerializer(client).data, **_shown(client.client_id, secret)}
        return _created(shown, request, client.mrid)


class ApiClientView(APIView):
    @extend_schema(responses=shapes.ApiClientSerializer, summary="One API client")
    def get(self, request: Request, mrid: str) -> Response:
        return Response(shapes.ApiClientSerializer(selectors.get_client(mrid)).data)

    @extend_schema(
        request=shapes.ApiClientChangeSerializer,
        responses=shapes.ApiClientSerializer,
        summary="Change roles, name or the right to call",
    )
    def patch(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.ApiClientChangeSerializer, request.data)
        client = services.update_client(mrid=mrid, **values, actor=selectors.actor_of(request))
        return Response(shapes.ApiClientSerializer(client).data)


class ApiClientRetireView(APIView):
    @extend_schema(
        request=shapes.RetirementSerializer,
        responses=shapes.ApiClientSerializer,
        summary="Switch the client off for good, with its certificates and its partner",
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.RetirementSerializer, request.data)
        client = services.retire_client(mrid=mrid, **values, actor=selectors.actor_of(request))
        return Response(shapes.ApiClientSerializer(client).data)


class ApiClientSecretView(APIView):
    @extend_schema(
        request=None,
        responses=shapes.SecretSerializer,
        summary="Replace the secret; the old one is refused at once",
    )
    def post(self, request: Request, mrid: str) -> Response:
        secret = services.rotate_secret(mrid=mrid, actor=selectors.actor_of(request))
        client_id = selectors.get_client(mrid).client_id
        return Response({"client_id": client_id, **_shown(client_id, secret)})


def _shown(client_id: str, secret: str) -> dict[str, str]:
    return {"secret": secret, "bearer_token": f"{client_id}.{secret}"}


def _created(data: Any, request: Request, mrid: str) -> Response:
    return Response(
        data,
        status=status.HTTP_201_CREATED,
        headers={"Location": f"{request.path}/{mrid}"},
    )
