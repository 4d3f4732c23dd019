"""Shapes of forecasts on REST."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from derms.core import clock
from forecasting.choices import CurveStyle, Method
from forecasting.rules.schedule import MAX_INTERVALS, Schedule
from forecasting.selectors import Curve, GroupForecast

_UNITS = {"activePower": "W", "reactivePower": "var", "apparentPower": "VA", "voltage": "V"}
_MAX_INTERVAL_S = 366 * 86_400


class ForecastQuerySerializer(serializers.Serializer[Any]):
    """What to forecast; without anything: the next 24 quarters of an hour."""

    parameter = serializers.MultipleChoiceField(choices=list(_UNITS), required=False)
    start = serializers.DateTimeField(required=False, help_text="Default: now.")
    intervals = serializers.IntegerField(min_value=1, max_value=MAX_INTERVALS, default=24)
    interval_s = serializers.IntegerField(min_value=1, max_value=_MAX_INTERVAL_S, default=900)
    curve_style = serializers.ChoiceField(
        [style.value for style in CurveStyle], default=CurveStyle.CONSTANT.value
    )

    def to_parameters(self) -> list[str]:
        return sorted(self.validated_data.get("parameter") or _UNITS)

    def to_schedule(self) -> Schedule:
        values = self.validated_data
        style, start_at = CurveStyle(values["curve_style"]), values.get("start") or clock.now()
        return Schedule(style, start_at, float(values["interval_s"]), values["intervals"])


class ForecastPointSerializer(serializers.Serializer[Any]):
    """One point of a curve; null = not known."""

    at = serializers.DateTimeField()
    nominal = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)


class ParameterForecastSerializer(serializers.Serializer[Any]):
    """One quantity over the schedule, in `unit`, positive = injection."""

    parameter = serializers.CharField(help_text="DERParameterKind.")
    unit = serializers.CharField()
    installed_max = serializers.FloatField(allow_null=True)
    installed_min = serializers.FloatField(allow_null=True)
    confidence_pct = serializers.FloatField(allow_null=True)
    points = ForecastPointSerializer(many=True)


@extend_schema_serializer(component_name="GroupForecast")
class GroupForecastSerializer(serializers.Serializer[Any]):
    """What is expected of a group, and what that rests on; stale members are in no value."""

    mrid = serializers.CharField()
    created_at = serializers.DateTimeField()
    method = serializers.ChoiceField([method.value for method in Method])
    basis = serializers.CharField(help_text="What the forecast rests on, in words.")
    curve_style = serializers.CharField()
    start_at = serializers.DateTimeField()
    interval_s = serializers.FloatField()
    members = serializers.IntegerField()
    good = serializers.IntegerField()
    stale = serializers.IntegerField()
    stale_last_w = serializers.FloatField()
    parameters = ParameterForecastSerializer(many=True)


def forecast_row(forecast: GroupForecast, schedule: Schedule) -> dict[str, Any]:
    """Return a forecast over one schedule as REST gives it."""
    return {
        "mrid": forecast.group.mrid,
        "created_at": forecast.created_at,
        "method": forecast.method.value,
        "basis": forecast.basis,
        "curve_style": schedule.style.value,
        "start_at": schedule.start_at,
        "interval_s": schedule.interval_s,
        "members": forecast.members,
        "good": forecast.good,
        "stale": forecast.stale,
        "stale_last_w": forecast.stale_last_w,
        "parameters": [
            {
                "parameter": each.parameter,
                "unit": _UNITS[each.parameter],
                "installed_max": each.installed_max,
                "installed_min": each.installed_min,
                "confidence_pct": each.curves[0].confidence_pct,
                "points": _points(each.curves[0]),
            }
            for each in forecast.parameters
        ],
    }


def _points(curve: Curve) -> list[dict[str, Any]]:
    unknown = [None] * curve.schedule.points
    columns = (curve.nominal or unknown, curve.high or unknown, curve.low or unknown)
    return [
        {"at": at, "nominal": nominal, "high": high, "low": low}
        for at, nominal, high, low in zip(curve.schedule.instants(), *columns, strict=True)
    ]
