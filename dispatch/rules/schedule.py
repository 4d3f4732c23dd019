"""Schedules of a dispatch: what is asked at an instant, and when that changes next.

Times are UTC instants, so a day with a clock change has no special hour here.

Source: IEC 61968-5 DispatchSchedule; the arithmetic as scripted by the EPRI test cases:
interval k (from 0 here) starts at start_at + k * interval; constantYValue holds each value until
the next (N values, N intervals), straightLineYValues is linear between points (N + 1 points).
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from dispatch.choices import CurveStyle

_MICROSECOND = dt.timedelta(microseconds=1)
MAX_INTERVAL_S = 366 * 86400.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Set points of a group over time.

    Attributes:
        start_at: Start of the first interval, aware.
        interval_s: Length of every interval [s], > 0, resolved to microseconds.
        values: Points [W or var], positive = injection.
        straight_line: True for straightLineYValues.
    """

    start_at: dt.datetime
    interval_s: float
    values: tuple[float, ...]
    straight_line: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no schedule.

        Raises:
            ValueError: too few points, a point or the interval is not a usable number.
        """
        if len(self.values) < 1 + self.straight_line:
            raise ValueError("a schedule needs one value, a straight line two")
        if not all(isfinite(v) for v in self.values):
            raise ValueError("a value is not a finite number")
        if not (isfinite(self.interval_s) and 1e-6 <= self.interval_s <= MAX_INTERVAL_S):
            raise ValueError("the interval must be longer than 0 s and at most 366 days")

    @property
    def intervals(self) -> int:
        """Number of intervals."""
        return len(self.values) - self.straight_line

    @property
    def step(self) -> dt.timedelta:
        """Length of one interval."""
        return dt.timedelta(seconds=self.interval_s)

    @property
    def end_at(self) -> dt.datetime:
        """End of the last interval; the schedule covers [start_at, end_at)."""
        return self.start_at + self.intervals * self.step

    def starts(self) -> Iterator[dt.datetime]:
        """Yield the start of every interval."""
        return (self.start_at + k * self.step for k in range(self.intervals))

    def index_at(self, at: dt.datetime) -> int:
        """Return the interval `at` falls into; the first before the start, the last after it."""
        k = (at - self.start_at) // self.step
        return min(max(k, 0), self.intervals - 1)

    def value_at(self, at: dt.datetime) -> float:
        """Return the set point at an instant; the first value before, the last one after."""
        k = self.index_at(at)
        if not self.straight_line:
            return self.values[k]
        into = (at - self.start_at - k * self.step) / self.step
        into = min(max(into, 0.0), 1.0)
        return self.values[k] * (1 - into) + self.values[k + 1] * into

    def next_change_at(self, at: dt.datetime) -> dt.datetime:
        """Return the next start of an interval, or the end of the schedule, after `at`."""
        if at < self.start_at:
            return self.start_at
        return min(self.start_at + (self.index_at(at) + 1) * self.step, self.end_at)

    def held_value(self, at: dt.datetime, step_s: float) -> float:
        """Return the value to hold over one step of `step_s` that contains `at`.

        A straight line becomes a staircase whose steps, counted from the start, are level with
        the line at their middle, so that energy is kept and the error is half a step at most.
        """
        if not self.straight_line:
            return self.value_at(at)
        step = max(dt.timedelta(seconds=step_s), _MICROSECOND)
        begin = self.start_at + max((at - self.start_at) // step, 0) * step
        return self.value_at(min(begin + step / 2, self.end_at))


def of_style(
    *, start_at: dt.datetime, interval_s: float, values: tuple[float, ...], style: str
) -> Schedule:
    """Build a schedule from a CIM curve style.

    Raises:
        ValueError: unknown style, or no schedule.
    """
    return Schedule(start_at, interval_s, values, CurveStyle(style) is CurveStyle.STRAIGHT_LINE)
