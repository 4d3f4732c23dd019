"""Forecasts of other parties: read at the instants somebody asks for.

Source: IEC 61968-5 CurveStyle (a constant holds until the next point, a straight line joins two).
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.choices import CurveStyle
from forecasting.rules.schedule import Schedule

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PartyCurve:
    """One quantity over one schedule as it was told; arrays [schedule.points], NaN = not told.

    Attributes:
        parameter: DERParameterKind.
        schedule: The time axis.
        nominal: Expected values; SI, positive = injection.
        high: Greatest reachable.
        low: Least reachable.
        confidence_pct: The party's trust; None = not told.
        installed_max: By the ratings; None = not told.
        installed_min: By the ratings; None = not told.
    """

    parameter: str
    schedule: Schedule
    nominal: Floats
    high: Floats
    low: Floats
    confidence_pct: float | None = None
    installed_max: float | None = None
    installed_min: float | None = None


def resample(told: Schedule, values: Floats, wanted: Schedule) -> Floats:
    """Return a told curve at the points of another schedule; NaN outside of what was told.

    Args:
        told: Time axis of the values.
        values: [told.points].
        wanted: Time axis asked for.
    """
    at = np.array([_offset_s(told, instant) for instant in wanted.instants()])
    place = at / told.interval_s
    if told.style is CurveStyle.STRAIGHT_LINE:
        return np.interp(place, np.arange(told.points), values, left=np.nan, right=np.nan)
    index = np.floor(place).astype(np.int64)
    inside = (index >= 0) & (index < told.points)
    return np.where(inside, values[np.clip(index, 0, told.points - 1)], np.nan)


def _offset_s(schedule: Schedule, instant: dt.datetime) -> float:
    return (instant - schedule.start_at).total_seconds()


def first_known(curves: Sequence[Floats]) -> Floats:
    """Return at each point the first value that is known; NaN where none is.

    Args:
        curves: At least one array, all [n].
    """
    found = curves[0].copy()
    for curve in curves[1:]:
        found = np.where(np.isnan(found), curve, found)
    return found
