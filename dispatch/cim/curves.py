"""Reading DispatchSchedules: multiplier and unit to SI, interval arithmetic, points of a curve.

For `der_group_dispatches.py`. Source: IEC 61968-5 DispatchSchedule, DERCurveData, UnitMultiplier;
section 5 (schedule arithmetic, sign) and section 6 row 16 of docs/standards/61968-5.md.
"""

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from lxml import etree

from derms.cim.parts import namespace_of, read_float, read_instant, read_integer, text_of
from derms.cim.quantities import beyond_calendar, factor_of, read_interval_s
from derms.core.errors import RuleViolationError, TooLargeError
from dispatch.choices import CurveStyle, DerParameter
from dispatch.rules.request import MAX_VALUES


@dataclass(frozen=True, slots=True)
class Curve:
    """One schedule in SI units.

    Attributes:
        style: How values between points are read.
        start_at: Start of interval 1, UTC.
        interval_s: Length of every interval [s].
        values: N points for constantYValue, N + 1 for straightLineYValues; W or var,
            positive = injection.
    """

    style: CurveStyle
    start_at: dt.datetime
    interval_s: float
    values: tuple[float, ...]

    @property
    def end_at(self) -> dt.datetime:
        """End of the last interval."""
        intervals = len(self.values) - (self.style is CurveStyle.STRAIGHT_LINE)
        return self.start_at + dt.timedelta(seconds=intervals * self.interval_s)


def scale_of(parameter: etree._Element) -> tuple[DerParameter, float]:
    """Return the parameter of a DERMonitorableParameter and the factor from its unit to SI.

    Raises:
        InvalidInputError: the unit does not fit the parameter, or the flow direction is none
            that we understand (2.29).
    """
    return DerParameter(text_of(parameter, "DERParameter")), factor_of(parameter)


def read_curve(schedule: etree._Element, factor: float) -> Curve:
    """Read one DispatchSchedule.

    Args:
        schedule: The element; it is schema-valid.
        factor: From the values' unit to SI, with sign.

    Raises:
        RuleViolationError: an instant, duration, number or point that cannot be used (6.1).
        TooLargeError: more than MAX_VALUES intervals (3.1).
    """
    style = CurveStyle(text_of(schedule, "curveStyleKind"))
    start_at = read_instant(text_of(schedule, "startTime"), "startTime")
    numbers, values = _points(schedule, factor)
    if style is CurveStyle.STRAIGHT_LINE and len(values) < 2:
        raise RuleViolationError("A straight line needs two points", code="too_few_points")
    filled = _fill(style, numbers, values)
    count = len(filled) - (style is CurveStyle.STRAIGHT_LINE)
    curve = Curve(style, start_at, read_interval_s(schedule, start_at, count), filled)
    try:
        curve.end_at  # noqa: B018 - the last instant must exist in the calendar
    except OverflowError as error:
        raise beyond_calendar() from error
    return curve


def _points(schedule: etree._Element, factor: float) -> tuple[list[int], list[float]]:
    """Return interval numbers and values; doubled numbers mean the points in their order.

    Source: EPRI test case DERGD-1C numbers a point twice and is accepted.
    """
    points = list(schedule.iterfind(f"{namespace_of(schedule)}DERCurveData"))
    if len(points) > MAX_VALUES:
        raise TooLargeError(f"A schedule has at most {MAX_VALUES} intervals")
    numbers = [read_integer(text_of(p, "intervalNumber"), "intervalNumber") for p in points]
    values = [factor * read_float(text_of(p, "nominalYValue"), "nominalYValue") for p in points]
    if not all(map(math.isfinite, values)):
        raise RuleViolationError("A value is out of range", code="out_of_range")
    if min(numbers) < 1:
        raise RuleViolationError("intervalNumber counts from 1", code="interval_number")
    if max(numbers) > MAX_VALUES:
        raise TooLargeError(f"A schedule has at most {MAX_VALUES} intervals")
    if len(set(numbers)) < len(numbers):
        numbers = list(range(1, len(numbers) + 1))
    return numbers, values


def _fill(style: CurveStyle, numbers: Sequence[int], values: Sequence[float]) -> tuple[float, ...]:
    """Return one value per interval number from 1; gaps are held or interpolated by the style."""
    order = np.argsort(numbers)
    known, y = np.asarray(numbers)[order], np.asarray(values)[order]
    wanted = np.arange(1, known[-1] + 1)
    if style is CurveStyle.STRAIGHT_LINE:
        return tuple(np.interp(wanted, known, y).tolist())
    held = np.maximum(np.searchsorted(known, wanted, side="right") - 1, 0)
    return tuple(y[held].tolist())
