"""REST of the partner bench: scenarios, partners, runs, acceptance."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.api.idempotency import idempotent
from derms.accounts.selectors import actor_of, get_client
from derms.conformance import reports, selectors, services
from derms.conformance.api import serializers as shapes
from derms.conformance.rules.scenarios import SCENARIOS
from derms.core.errors import NotFoundError
from derms.core.paging import NewestFirst
from derms.core.rest import values_of


def _detail(
    run: selectors.Run, code: int = status.HTTP_200_OK, *, is_soap: bool = True
) -> Response:
    shown = shapes.RunSerializer(run).data
    steps = shapes.RunStepSerializer(selectors.steps_of(run, is_soap=is_soap), many=True).data
    headers = {"Location": f"/api/v1/conformance/runs/{run.mrid}"}
    return Response({**shown, "steps": steps}, status=code, headers=headers)


class ScenariosView(APIView):
    @extend_schema(
        responses=shapes.ScenarioSerializer(many=True), summary="Scenarios of the partner bench"
    )
    def get(self, _request: Request) -> Response:
        return Response(shapes.ScenarioSerializer(SCENARIOS, many=True).data)


class BenchPartnersView(APIView):
    pagination_class = None

    @extend_schema(
        responses=shapes.PartnerSerializer(many=True),
        summary="API clients that speak CIM: stage and last run",
    )
    def get(self, request: Request) -> Response:
        found = selectors.list_partners(actor=actor_of(request))
        rows = [{"client": client, "run": run} for client, run in found]
        return Response(shapes.PartnerSerializer(rows, many=True).data)


class RunsView(generics.ListAPIView[selectors.Run]):
    serializer_class = shapes.RunSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[selectors.Run]:
        client = self.request.query_params.get("client", "")
        return selectors.list_runs(actor=actor_of(self.request), client_mrid=client)

    @extend_schema(
        parameters=[OpenApiParameter("client", str, description="mRID of an API client.")],
        summary="Runs of the partner bench, the newest first",
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request, *args, **kwargs)

    @extend_schema(
        request=shapes.NewRunSerializer,
        responses={201: shapes.RunDetailSerializer},
        summary="Start a run for a client in the sandbox",
    )
    @idempotent
    def post(self, request: Request) -> Response:
        values = values_of(shapes.NewRunSerializer, request.data)
        actor = actor_of(request)
        client = selectors.find_client(values.pop("client_id"), actor=actor)
        run = services.start_run(client=client, **values, actor=actor)
        return _detail(run, status.HTTP_201_CREATED)


class RunView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("plain", bool, description="Samples without SOAP, for `/cim`.")
        ],
        responses=shapes.RunDetailSerializer,
        summary="One run: what is expected, what came",
    )
    def get(self, request: Request, mrid: str) -> Response:
        is_plain = request.query_params.get("plain", "") in ("1", "true")
        run = selectors.get_run(mrid, actor=actor_of(request))
        return _detail(run, is_soap=not is_plain)


class RunStepView(APIView):
    @extend_schema(
        responses=shapes.StepMessagesSerializer,
        summary="Messages of one step, byte by byte but for passwords",
    )
    def get(self, request: Request, mrid: str, number: str) -> Response:
        actor = actor_of(request)
        row = selectors.get_step(mrid, number, actor=actor)
        request_xml, reply_xml = selectors.messages_of(row, actor=actor)
        shown = {"request_xml": request_xml, "reply_xml": reply_xml}
        return Response(shapes.StepMessagesSerializer(shown).data)


class RunReportView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("kind", str, OpenApiParameter.PATH, enum=["html", "json"])],
        responses={
            (200, "text/html"): OpenApiTypes.STR,
            (200, "application/json"): OpenApiTypes.OBJECT,
        },
        summary="The whole run with its messages, to keep beside a contract",
    )
    def get(self, request: Request, mrid: str, kind: str) -> HttpResponse:
        actor = actor_of(request)
        run = selectors.get_run(mrid, actor=actor)
        if kind not in reports.KINDS:
            raise NotFoundError(f"There is no report of kind {kind}.")
        return HttpResponse(
            reports.render(run, kind, actor=actor),
            content_type=reports.KINDS[kind],
            headers={"Content-Disposition": f'attachment; filename="run-{run.mrid}.{kind}"'},
        )


class RunAbandonView(APIView):
    @extend_schema(
        request=shapes.RunReasonSerializer,
        responses=shapes.RunDetailSerializer,
        summary="End a run that is not over",
    )
    def post(self, request: Request, mrid: str) -> Response:
        reason = values_of(shapes.RunReasonSerializer, request.data)["reason"]
        services.abandon_run(mrid=mrid, reason=reason, actor=actor_of(request))
        return _detail(selectors.get_run(mrid, actor=actor_of(request)))


class RunAcceptView(APIView):
    @extend_schema(
        request=shapes.AcceptanceSerializer,
        responses=shapes.RunDetailSerializer,
        summary="Accept a passed run: its client goes live",
    )
    def post(self, request: Request, mrid: str) -> Response:
        comment = values_of(shapes.AcceptanceSerializer, request.data)["comment"]
        services.accept_run(mrid=mrid, comment=comment, actor=actor_of(request))
        return _detail(selectors.get_run(mrid, actor=actor_of(request)))


class SendBackView(APIView):
    @extend_schema(
        request=shapes.SendBackSerializer,
        responses={204: None},
        summary="Send a live client back to the sandbox",
    )
    def post(self, request: Request, mrid: str) -> Response:
        reason = values_of(shapes.SendBackSerializer, request.data)["reason"]
        services.send_back(client=get_client(mrid), reason=reason, actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
