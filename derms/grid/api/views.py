"""REST of the grid: feeders."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from derms.core.paging import CursorPage
from derms.grid import selectors


class FeederSerializer(serializers.Serializer[Any]):
    mrid = serializers.CharField()
    name = serializers.CharField()


class ByName(CursorPage):
    """Feeders are few and read by people."""

    ordering = "name"


@extend_schema_view(get=extend_schema(summary="Feeders by name"))
class FeedersView(generics.ListAPIView[Any]):
    serializer_class = FeederSerializer
    pagination_class = ByName

    def get_queryset(self) -> QuerySet[Any]:
        return selectors.list_feeders()
