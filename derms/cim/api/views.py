"""REST door of the CIM message log: list with filters, detail with the XML."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from derms.cim import selectors
from derms.cim.api import serializers as shapes
from derms.core.paging import NewestFirst


class MessagesView(generics.ListAPIView[Any]):
    serializer_class = shapes.MessageSerializer
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[shapes.MessageSearchSerializer], summary="List CIM exchanges, newest first"
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        query = {k: v for k, v in self.request.query_params.dict().items() if v}
        reader = shapes.MessageSearchSerializer(data=query)
        reader.is_valid(raise_exception=True)
        return selectors.list_messages(selectors.Search(**reader.validated_data))


class MessageView(generics.RetrieveAPIView[Any]):
    serializer_class = shapes.MessageDetailSerializer

    @extend_schema(summary="One CIM exchange with request and reply as they were on the wire")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_object(self) -> Any:
        return selectors.get_message(self.kwargs["mrid"])
