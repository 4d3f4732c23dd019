"""The time axis of a forecast.

Source: IEC 61968-5 DispatchSchedule; EPRI test cases DERGF-1A and 1C (N intervals have N points
when constant, N + 1 when straight lines).
"""

import datetime as dt
from dataclasses import dataclass

from derms.core.errors import RuleViolationError, TooLargeError
from forecasting.choices import CurveStyle

MAX_INTERVALS = 10_000
"""Intervals of one schedule."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Intervals of one length in a row.

    Attributes:
        style: How values between points are read.
        start_at: Start of interval 1, UTC.
        interval_s: Length of every interval [s].
        intervals: How many.
    """

    style: CurveStyle
    start_at: dt.datetime
    interval_s: float
    intervals: int

    @property
    def points(self) -> int:
        """How many values describe it."""
        return self.intervals + (self.style is CurveStyle.STRAIGHT_LINE)

    @property
    def end_at(self) -> dt.datetime:
        """End of the last interval."""
        return self.start_at + dt.timedelta(seconds=self.intervals * self.interval_s)

    def instants(self) -> list[dt.datetime]:
        """Return the instant of every point."""
        step = dt.timedelta(seconds=self.interval_s)
        return [self.start_at + k * step for k in range(self.points)]


def check_schedule(schedule: Schedule, *, now: dt.datetime) -> Schedule:
    """Return the schedule when something can be forecast over it.

    Raises:
        RuleViolationError: no interval, no length, beyond the calendar, or wholly in the past
            (CIM 6.1).
        TooLargeError: more than MAX_INTERVALS (CIM 3.1).
    """
    if schedule.intervals < 1:
        raise RuleViolationError(
            f"numberOfIntervals {schedule.intervals} is not positive", code="bad_intervals"
        )
    if schedule.intervals > MAX_INTERVALS:
        raise TooLargeError(f"A forecast has at most {MAX_INTERVALS} intervals")
    if not schedule.interval_s > 0:
        raise RuleViolationError("The interval has no length", code="bad_duration")
    try:
        end_at = schedule.end_at
    except OverflowError as error:
        raise RuleViolationError(
            "The schedule ends beyond the calendar", code="out_of_range"
        ) from error
    if end_at <= now:
        raise RuleViolationError(
            "The schedule lies in the past, and the past is not forecast", code="wholly_past"
        )
    return schedule
