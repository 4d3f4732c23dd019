"""DERGroupForecasts that other parties tell of their groups: ReceiveDERGroupForecasts.

Source: IEC 61968-5 event created(DERGroupForecasts); EPRI test case DERGF-2.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from lxml import etree

from derms.cim.envelope import ObjectId, Outcome
from derms.cim.exchange import carry_out
from derms.cim.parts import (
    Identified,
    child_of,
    namespace_of,
    read_float,
    read_identified,
    read_instant,
    read_integer,
    text_of,
)
from derms.cim.quantities import factor_of, read_interval_s
from derms.cim.registry import Call
from derms.core.errors import RuleViolationError, TooLargeError
from forecasting import services
from forecasting.choices import CurveStyle
from forecasting.rules.schedule import MAX_INTERVALS, Schedule
from forecasting.rules.told import Floats, PartyCurve
from groups.cim.queries import key_of
from groups.cim.received import read_pair, read_scaled
from groups.selectors import Group


@dataclass(frozen=True, slots=True)
class Told:
    """One DERGroupForecast of a message: itself and the group it is about."""

    forecast: Identified
    group: Identified

    @property
    def about(self) -> ObjectId | None:
        """The group."""
        return self.group.about


def read_forecasts(call: Call) -> Iterator[Told]:
    """Yield every DERGroupForecast of the content with its group, identified."""
    for element in call.content.iterfind(f"{namespace_of(call.content)}DERGroupForecast"):
        group = read_identified(child_of(element, "EndDeviceGroup"), "DERGroup")
        yield Told(read_identified(element, "DERGroupForecast"), group)


def handle_created(call: Call) -> Outcome:
    """Keep the forecasts a party tells of its groups."""

    def store(told: Told) -> Group:
        created = text_of(told.forecast.element, "predictionCreationDate")
        return services.store_told_forecast(
            key=key_of(told.group),
            mrid=told.forecast.mrid[:128],
            created_at=read_instant(created, "predictionCreationDate"),
            curves=parse_curves(told.group.element),
            actor=call.actor,
        )

    done, errors = carry_out(read_forecasts(call), store)
    return Outcome(errors, "", len(done))


def parse_curves(group: etree._Element) -> list[PartyCurve]:
    """Read the parameters of an EndDeviceGroup into SI, positive = injection.

    Raises:
        InvalidInputError: a unit or direction that does not fit (2.29).
        RuleViolationError: a schedule, number or value that cannot be used (6.1).
        TooLargeError: more than MAX_INTERVALS points (3.1).
    """
    found = []
    for parameter in group.iterfind(f"{namespace_of(group)}DERMonitorableParameter"):
        factor = factor_of(parameter)
        installed = read_pair(parameter, ("yUnitInstalledMax", "yUnitInstalledMin"), factor)
        found += [
            _curve(text_of(parameter, "DERParameter"), schedule, factor, installed)
            for schedule in parameter.iterfind(f"{namespace_of(parameter)}DispatchSchedule")
        ]
    return found


def _curve(
    parameter: str,
    schedule: etree._Element,
    factor: float,
    installed: tuple[float | None, float | None],
) -> PartyCurve:
    style = CurveStyle(text_of(schedule, "curveStyleKind"))
    points = schedule.findall(f"{namespace_of(schedule)}DERCurveData")
    places = _places(points)
    count = max(places) + 1
    intervals = count - (style is CurveStyle.STRAIGHT_LINE)
    if intervals < 1:
        raise RuleViolationError("A straight line needs two points", code="too_few_points")
    start_at = read_instant(text_of(schedule, "startTime"), "startTime")
    limits = [read_pair(point, ("maxYValue", "minYValue"), factor) for point in points]
    nominal = [read_scaled(point, "nominalYValue", factor) for point in points]
    trust = text_of(schedule, "confidence")
    return PartyCurve(
        parameter=parameter,
        schedule=Schedule(
            style, start_at, read_interval_s(schedule, start_at, intervals), intervals
        ),
        nominal=_spread(nominal, places, count),
        high=_spread([high for high, _ in limits], places, count),
        low=_spread([low for _, low in limits], places, count),
        confidence_pct=read_float(trust, "confidence") if trust else None,
        installed_max=installed[0],
        installed_min=installed[1],
    )


def _places(points: Sequence[etree._Element]) -> list[int]:
    """Return the place of every point from 0; doubled numbers mean the points in their order.

    Source: section 5 of docs/standards/61968-5.md (schedule arithmetic).
    """
    numbers = [read_integer(text_of(p, "intervalNumber"), "intervalNumber") for p in points]
    if min(numbers) < 1:
        raise RuleViolationError("intervalNumber counts from 1", code="interval_number")
    if max(len(numbers), *numbers) > MAX_INTERVALS:
        raise TooLargeError(f"A schedule has at most {MAX_INTERVALS} intervals")
    if len(set(numbers)) < len(numbers):
        return list(range(len(numbers)))
    return [number - 1 for number in numbers]


def _spread(values: Sequence[float | None], places: Sequence[int], count: int) -> Floats:
    spread = np.full(count, np.nan)
    spread[list(places)] = [np.nan if value is None else value for value in values]
    return spread
