"""REST of forecasts: what a group is expected to do."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from derms.accounts.selectors import actor_of
from derms.core.rest import valid
from forecasting import selectors
from forecasting.api import serializers as shapes
from groups.rules.definition import GroupKey
from groups.selectors import get_group


class GroupForecastView(APIView):
    @extend_schema(
        parameters=[shapes.ForecastQuerySerializer],
        responses=shapes.GroupForecastSerializer,
        summary="Forecast of a group",
    )
    def get(self, request: Request, mrid: str) -> Response:
        group = get_group(
            key=GroupKey(mrid=mrid), actor=actor_of(request), noun="DERGroupForecasts"
        )
        query = valid(shapes.ForecastQuerySerializer, request.query_params)
        schedule = query.to_schedule()
        (made,) = selectors.forecast_groups([group], query.to_parameters(), [schedule])
        row = shapes.forecast_row(made, schedule)
        return Response(shapes.GroupForecastSerializer(row).data)
