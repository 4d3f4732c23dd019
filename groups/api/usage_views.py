"""REST of the usage of groups by quarter-hours."""

import datetime as dt

import numpy as np
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.selectors import actor_of
from derms.core import clock
from derms.core.errors import InvalidInputError, TooLargeError
from derms.core.quantities import Quantity
from derms.core.rest import instant_of
from groups import selectors
from groups.api import serializers as shapes
from groups.rules.definition import GroupKey
from groups.usage import INTERVAL, group_usage

MAX_INTERVALS = 10_000
_QUANTITIES = {
    "active_power_w": Quantity.ACTIVE_POWER_W,
    "reactive_power_var": Quantity.REACTIVE_POWER_VAR,
}


class GroupUsageView(APIView):
    @extend_schema(
        parameters=[
            OpenApiParameter("quantity", str, enum=list(_QUANTITIES), description="Default: power"),
            OpenApiParameter("from", dt.datetime, description="Default: one day before `to`."),
            OpenApiParameter("to", dt.datetime, description="Default: now."),
        ],
        responses=shapes.GroupUsageSerializer(many=True),
        operation_id="groups_usage_list",
        summary="Usage of a group by quarter-hours: the sum over its members, in Wh or varh",
    )
    def get(self, request: Request, mrid: str) -> Response:
        group = selectors.get_group(
            key=GroupKey(mrid=mrid), actor=actor_of(request), noun="MeterReadings"
        )
        name = request.query_params.get("quantity", "active_power_w")
        if name not in _QUANTITIES:
            raise InvalidInputError(f"There is no usage of {name[:40]}", field="quantity")
        end = instant_of(request, "to") or clock.now()
        start = instant_of(request, "from") or end - dt.timedelta(days=1)
        if (end - start) / INTERVAL > MAX_INTERVALS:
            raise TooLargeError(f"At most {MAX_INTERVALS} quarter-hours at once", field="from")
        usage = group_usage(group.pk, quantity=_QUANTITIES[name], start=start, end=end)
        hours = INTERVAL / dt.timedelta(hours=1)
        rows = zip(
            np.datetime_as_string(usage.sums.start_at.view("M8[us]"), unit="s", timezone="UTC"),
            (usage.sums.injected * hours).tolist(),
            (usage.sums.absorbed * -hours + 0.0).tolist(),
            usage.sums.measured.tolist(),
            usage.members.tolist(),
            strict=True,
        )
        names = ("start_at", "injected", "absorbed", "measured", "members")
        return Response([dict(zip(names, row, strict=True)) for row in rows])
