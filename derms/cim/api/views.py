"""REST door of the CIM message log: list with filters, detail with the XML."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import generics

from derms.cim import selectors
from derms.cim.api.serializers import MessageDetailSerializer, MessageSerializer
from derms.core.paging import CursorPage


class NewestFirst(CursorPage):
    """The log is read from its end."""

    ordering = "-id"


class MessageFilter(django_filters.FilterSet):
    """What the log can be searched by."""

    noun = django_filters.CharFilter()
    verb = django_filters.CharFilter()
    client = django_filters.CharFilter(field_name="client_name")
    result = django_filters.CharFilter()
    message_id = django_filters.CharFilter()
    correlation_id = django_filters.CharFilter()
    q = django_filters.CharFilter(
        method="search", label="Part of a MessageID, CorrelationID or details"
    )

    def search(self, messages: QuerySet[Any], _name: str, text: str) -> QuerySet[Any]:
        return messages & selectors.list_messages(text)


class MessagesView(generics.ListAPIView[Any]):
    """List the CIM exchanges, newest first."""

    serializer_class = MessageSerializer
    pagination_class = NewestFirst
    filterset_class = MessageFilter

    def get_queryset(self) -> QuerySet[Any]:
        return selectors.list_messages()


class MessageView(generics.RetrieveAPIView[Any]):
    """One CIM exchange with request and reply as they were on the wire."""

    serializer_class = MessageDetailSerializer

    def get_object(self) -> Any:
        return selectors.get_message(self.kwargs["mrid"])
