"""REST of the journal of device commands and of the links."""

from typing import Any

import numpy as np
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from derms.accounts.scopes import visible_organisations
from derms.accounts.selectors import actor_of
from derms.core.paging import CursorPage, NewestFirst
from derms.core.rest import values_of
from derms.devices import selectors as devices
from derms.southbound import selectors
from derms.southbound.api import serializers as shapes


class LinkPage(CursorPage):
    ordering = "device_id"


class _DeviceRowsView(generics.ListAPIView[Any]):
    """A list whose rows name devices; their mRIDs and names are looked up once a page."""

    def get_serializer(self, *args: Any, **kwargs: Any) -> BaseSerializer[Any]:
        rows = args[0] if args else []
        known = self._names(rows) if rows else {}
        context = {**self.get_serializer_context(), "devices": known}
        return super().get_serializer(*args, **kwargs | {"context": context})

    def _names(self, rows: Any) -> dict[int, tuple[str, str]]:
        keys = np.unique(np.array([row.device_id for row in rows], dtype="int32"))
        found = devices.device_columns(keys)
        names = zip(found.id.tolist(), found.mrid, found.name, strict=True)
        return {key: (mrid, name) for key, mrid, name in names}

    def visible_devices(self) -> Any:
        """Return keys of the devices the caller may see; None = all."""
        visible = visible_organisations(actor_of(self.request))
        return None if visible is None else devices.list_devices(visible=visible).values("pk")


class CommandsView(_DeviceRowsView):
    serializer_class = shapes.CommandSerializer
    pagination_class = NewestFirst

    @extend_schema(
        parameters=[shapes.CommandSearchSerializer], summary="Device commands, newest first"
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        values = values_of(shapes.CommandSearchSerializer, self.request.query_params)
        if "device" in values:
            visible = visible_organisations(actor_of(self.request))
            values["device_id"] = devices.get_device(values.pop("device"), visible=visible).pk
        return selectors.list_commands(**values, visible=self.visible_devices())


class DeviceCommandsView(_DeviceRowsView):
    serializer_class = shapes.CommandSerializer
    pagination_class = NewestFirst

    @extend_schema(summary="Commands of one device, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        visible = visible_organisations(actor_of(self.request))
        device = devices.get_device(self.kwargs["mrid"], visible=visible)
        return selectors.list_commands(device_id=device.pk)


class LinksView(_DeviceRowsView):
    serializer_class = shapes.LinkSerializer
    pagination_class = LinkPage

    @extend_schema(parameters=[shapes.LinkSearchSerializer], summary="Links to devices")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Any]:
        values = values_of(shapes.LinkSearchSerializer, self.request.query_params)
        seen = self.visible_devices()
        if "device" in values:
            visible = visible_organisations(actor_of(self.request))
            seen = [devices.get_device(values.pop("device"), visible=visible).pk]
        return selectors.list_links(**values, visible=seen)
