"""DERGroupForecasts messages: what groups are expected to do over the schedules asked for.

Values go out in kW, kVAr, kVA and kV (yMultiplier k); positive = injection unless the query asked
for `reverse`. Source: IEC 61968-5 DERGroupForecasts profile; EPRI test cases DERGF-1A to 1D.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from lxml import etree

from derms.cim import names
from derms.cim.envelope import ObjectId, Outcome, ReplyError
from derms.cim.markup import leaf, node
from derms.cim.parts import (
    namespace_of,
    read_instant,
    read_integer,
    render_instant,
    render_names,
    text_of,
)
from derms.cim.quantities import UNITS, read_interval_s, sign_of
from derms.cim.registry import Call
from derms.core.errors import RuleViolationError, TooLargeError
from derms.core.ids import new_mrid
from forecasting import selectors
from forecasting.choices import CurveStyle
from forecasting.rules.schedule import MAX_INTERVALS, Schedule
from groups.cim.der_groups import group_names
from groups.cim.queries import find_groups
from groups.selectors import Group

_KILO = 1000.0
_MAX_SECONDS = 2**31
Signs = Mapping[str, tuple[str, float]]
"""By parameter: the flowDirection to give back and the sign of the values."""


def parse_schedules(query: etree._Element) -> list[Schedule]:
    """Read the DispatchSchedules of a query.

    Raises:
        RuleViolationError: schema-valid but unusable (6.1).
        TooLargeError: more than MAX_INTERVALS intervals (3.1).
    """
    found = []
    for element in query.iterfind(f"{namespace_of(query)}DispatchSchedule"):
        count = read_integer(text_of(element, "numberOfIntervals"), "numberOfIntervals")
        if count > MAX_INTERVALS:
            raise TooLargeError(f"A forecast has at most {MAX_INTERVALS} intervals")
        start_at = read_instant(text_of(element, "startTime"), "startTime")
        interval_s = read_interval_s(element, start_at, max(count, 1))
        style = CurveStyle(text_of(element, "curveStyleKind"))
        found.append(Schedule(style, start_at, interval_s, count))
    return found


def parse_parameters(query: etree._Element) -> dict[str, tuple[str, float]]:
    """Read the parameters asked for, each once, with the direction to answer in.

    Raises:
        InvalidInputError: a direction that says nothing about injection (2.29).
    """
    return {
        text_of(element, "DERParameter"): (text_of(element, "flowDirection"), sign_of(element))
        for element in query.iterfind(f"{namespace_of(query)}DERMonitorableParameter")
    }


def handle_query(call: Call) -> Outcome:
    """Answer with a forecast of each group, in the order of the query.

    A parameter that a group does not speak of is left out of its answer; a group that speaks of
    none of them is an error.
    """
    schedules, asked = parse_schedules(call.content), parse_parameters(call.content)
    groups, errors = find_groups(call, "DERGroupForecasts")
    made = selectors.forecast_groups(groups, list(asked), schedules)
    told = [forecast for forecast in made if forecast.parameters]
    silent = tuple(_nothing_to_tell(f.group) for f in made if not f.parameters)
    return Outcome((*errors, *silent), render_forecasts(told, asked), len(told))


def _nothing_to_tell(group: Group) -> ReplyError:
    return ReplyError(
        "6.1",
        "The DERGroup gives none of the parameters asked for",
        ObjectId(group.mrid, "uuid", "DERGroup"),
    )


def render_forecasts(
    forecasts: Sequence[selectors.GroupForecast], signs: Signs | None = None
) -> str:
    """Return the `DERGroupForecasts` payload, for replies and for events; empty for none.

    Args:
        forecasts: Each with at least one parameter.
        signs: Directions a query asked for; None = injection without flowDirection.
    """
    if not forecasts:
        return ""
    inner = [_render(forecast, signs or {}) for forecast in forecasts]
    return node("DERGroupForecasts", *inner, xmlns=names.profile("DERGroupForecasts"))


def _render(forecast: selectors.GroupForecast, signs: Signs) -> str:
    group = forecast.group
    return node(
        "DERGroupForecast",
        leaf("mRID", new_mrid()),
        leaf("predictionCreationDate", render_instant(forecast.created_at)),
        node(
            "EndDeviceGroup",
            leaf("mRID", group.mrid),
            *(
                _parameter(each, *signs.get(each.parameter, ("", 1.0)))
                for each in forecast.parameters
            ),
            render_names(group_names(group)),
        ),
        node("Names", leaf("name", forecast.basis)),
    )


def _parameter(told: selectors.ParameterForecast, flow: str, sign: float) -> str:
    high, low = told.installed_max, told.installed_min
    if sign < 0:
        high, low = low, high
    return node(
        "DERMonitorableParameter",
        leaf("DERParameter", told.parameter),
        leaf("flowDirection", flow or None),
        leaf("yMultiplier", "k"),
        leaf("yUnit", UNITS[told.parameter]),
        _value("yUnitInstalledMax", high, sign),
        _value("yUnitInstalledMin", low, sign),
        *(_schedule(curve, sign) for curve in told.curves),
    )


def _schedule(curve: selectors.Curve, sign: float) -> str:
    schedule = curve.schedule
    confidence = None if curve.confidence_pct is None else f"{curve.confidence_pct:.3g}"
    return node(
        "DispatchSchedule",
        leaf("confidence", confidence),
        leaf("curveStyleKind", schedule.style.value),
        leaf("startTime", render_instant(schedule.start_at)),
        *_length(schedule.interval_s),
        *_points(curve, sign),
    )


def _length(interval_s: float) -> tuple[str, str]:
    """Return timeIntervalDuration and timeIntervalUnit: the largest unit that fits evenly."""
    seconds = round(interval_s)
    if not 0 < seconds == interval_s < _MAX_SECONDS:
        raise RuleViolationError("The interval is no whole number of seconds", code="bad_duration")
    for unit, length in (("D", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return leaf("timeIntervalDuration", seconds // length), leaf("timeIntervalUnit", unit)
    return leaf("timeIntervalDuration", seconds), leaf("timeIntervalUnit", "s")


def _points(curve: selectors.Curve, sign: float) -> Iterator[str]:
    high, low = (curve.high, curve.low) if sign > 0 else (curve.low, curve.high)
    for k in range(curve.schedule.points):
        yield node(
            "DERCurveData",
            leaf("intervalNumber", k + 1),
            _value("maxYValue", _at(high, k), sign),
            _value("minYValue", _at(low, k), sign),
            _value("nominalYValue", _at(curve.nominal, k), sign),
        )


def _at(values: Sequence[float | None] | None, k: int) -> float | None:
    return None if values is None else values[k]


def _value(name: str, value: float | None, sign: float) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return leaf(name, f"{sign * value / _KILO + 0.0:.10g}")
