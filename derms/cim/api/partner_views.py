"""REST door of push: partners, what they subscribed to, and what became of each message."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.api.idempotency import idempotent
from derms.accounts.selectors import actor_of
from derms.cim.api import partner_serializers as shapes
from derms.cim.push import corrections, partners, selectors
from derms.core.etag import check_if_match
from derms.core.paging import NewestFirst
from derms.core.rest import query_of, values_of, with_etag


def _partner(partner: Any, code: int = status.HTTP_200_OK) -> Response:
    data = shapes.PartnerSerializer(partner).data
    return with_etag(data, partner.revision, at=f"/api/v1/partners/{partner.mrid}", code=code)


def _subscription(row: Any, code: int = status.HTTP_200_OK) -> Response:
    data = shapes.SubscriptionSerializer(row).data
    return with_etag(data, row.revision, at=f"/api/v1/subscriptions/{row.mrid}", code=code)


class PartnersView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("retired", bool, description="Those whose client has retired too."),
        ],
        responses=shapes.PartnerSerializer(many=True),
        summary="Partners and how delivery to each goes",
    )
    def get(self, request: Request) -> Response:
        retired = request.query_params.get("retired") == "true"
        rows = shapes.PartnerSerializer(selectors.list_partners(retired=retired)[:500], many=True)
        return Response(rows.data)

    # Not idempotent by key: that would keep a hash of the secret.
    @extend_schema(
        request=shapes.PartnerCreateSerializer,
        responses={201: shapes.PartnerSerializer},
        summary="Create the endpoint of an API client",
    )
    def post(self, request: Request) -> Response:
        values = values_of(shapes.PartnerCreateSerializer, request.data)
        made = partners.create_partner(
            client_id=values.pop("client_id"), values=values, actor=actor_of(request)
        )
        return _partner(made, status.HTTP_201_CREATED)


class PartnerView(APIView):
    @extend_schema(responses=shapes.PartnerSerializer, summary="One partner")
    def get(self, request: Request, mrid: str) -> Response:
        return _partner(selectors.get_partner(mrid))

    @extend_schema(
        request=shapes.PartnerChangeSerializer,
        responses=shapes.PartnerSerializer,
        summary="Change a partner's endpoint (If-Match)",
    )
    def patch(self, request: Request, mrid: str) -> Response:
        revision = selectors.get_partner(mrid).revision
        check_if_match(request, revision)
        changed = partners.update_partner(
            mrid=mrid,
            values=values_of(shapes.PartnerChangeSerializer, request.data),
            expected_revision=revision,
            actor=actor_of(request),
        )
        return _partner(changed)


class PartnerTrialView(APIView):
    @extend_schema(
        request=shapes.TrialRequestSerializer,
        responses=shapes.TrialSerializer,
        summary="Send a message without content and say what came back",
    )
    def post(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.TrialRequestSerializer, request.data)
        trial = corrections.try_address(partner_mrid=mrid, actor=actor_of(request), **values)
        return Response(shapes.TrialSerializer(trial).data)


class PartnerResendView(APIView):
    @extend_schema(
        request=None,
        responses=shapes.ResentSerializer,
        summary="Send every parked message of a partner again",
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        count = corrections.resend_parked(partner_mrid=mrid, actor=actor_of(request))
        return Response({"messages": count})


class SubscriptionsView(APIView):
    @extend_schema(
        responses=shapes.SubscriptionSerializer(many=True), summary="What a partner is told"
    )
    def get(self, request: Request, mrid: str) -> Response:
        rows = selectors.list_subscriptions(selectors.get_partner(mrid))
        return Response(shapes.SubscriptionSerializer(rows[:500], many=True).data)

    @extend_schema(
        request=shapes.SubscriptionCreateSerializer,
        responses={201: shapes.SubscriptionSerializer},
        summary="Subscribe a partner to a noun",
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.SubscriptionCreateSerializer, request.data)
        made = partners.create_subscription(
            partner_mrid=mrid, values=values, actor=actor_of(request)
        )
        return _subscription(made, status.HTTP_201_CREATED)


class SubscriptionView(APIView):
    @extend_schema(
        request=shapes.SubscriptionChangeSerializer,
        responses=shapes.SubscriptionSerializer,
        summary="Change a subscription (If-Match)",
    )
    def patch(self, request: Request, mrid: str) -> Response:
        revision = selectors.get_subscription(mrid).revision
        check_if_match(request, revision)
        changed = partners.update_subscription(
            mrid=mrid,
            values=values_of(shapes.SubscriptionChangeSerializer, request.data),
            expected_revision=revision,
            actor=actor_of(request),
        )
        return _subscription(changed)

    @extend_schema(responses={204: None}, summary="End a subscription (If-Match)")
    def delete(self, request: Request, mrid: str) -> Response:
        revision = selectors.get_subscription(mrid).revision
        check_if_match(request, revision)
        partners.delete_subscription(mrid=mrid, expected_revision=revision, actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class DeliveriesView(generics.ListAPIView[Any]):
    serializer_class = shapes.DeliverySerializer
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[shapes.DeliverySearchSerializer], summary="Messages to partners, newest first"
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        values = values_of(shapes.DeliverySearchSerializer, query_of(self.request))
        return selectors.list_deliveries(selectors.DeliverySearch(**values))


class DeliveryView(generics.RetrieveAPIView[Any]):
    serializer_class = shapes.DeliveryDetailSerializer

    @extend_schema(summary="One message to a partner with its XML and the last reply")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_object(self) -> Any:
        return selectors.get_delivery(self.kwargs["mrid"])


class DeliveryResendView(APIView):
    @extend_schema(
        request=None, responses=shapes.DeliverySerializer, summary="Send a message again, now"
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        message = corrections.resend(mrid=mrid, actor=actor_of(request))
        return Response(shapes.DeliverySerializer(message).data)


class DeliveryDiscardView(APIView):
    @extend_schema(
        request=shapes.DiscardSerializer,
        responses=shapes.DeliverySerializer,
        summary="Give a message up, with a reason",
    )
    @idempotent
    def post(self, request: Request, mrid: str) -> Response:
        values = values_of(shapes.DiscardSerializer, request.data)
        message = corrections.discard(mrid=mrid, actor=actor_of(request), **values)
        return Response(shapes.DeliverySerializer(message).data)
