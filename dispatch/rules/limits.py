"""What a group can deliver of a schedule: limits, ramps and stored energy, point after point.

For preview and acceptance, so that a partial delivery is said beforehand, and for the planner,
which keeps batteries able to last through the interval.

Source: ours (ADR 0032).
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from dispatch.rules.allocation import FloatArray, allocate
from dispatch.rules.schedule import Schedule

ONE_WAY_EFFICIENCY = 0.95
"""Between grid and store; nameplates do not say it, so batteries are planned on this."""
SETTLE_S = 60.0
"""A step counts as delivered when it is reached within this time."""
EXACT_WORK = 200_000
"""Members times points that are worked out one by one; beyond, like members are lumped."""
_HOURS = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
MET = 1e-6
"""Relative difference below which asked and deliverable are the same."""


@dataclass(frozen=True, slots=True)
class Flexibility:
    """What the members can do from now on; float arrays [n], W (or var), Wh.

    Attributes:
        low: Lowest sustained set point, energy left aside.
        high: Highest sustained set point, >= low.
        neutral: Where the member would be without a dispatch.
        weight: Capacity, >= 0.
        now: Present value.
        ramp_per_s: Change per second the member can make, > 0; inf = no limit.
        stored_wh: Energy that can be taken out, counted at the store; NaN = no store.
        space_wh: Energy that can still be put in; NaN = no store.
    """

    low: FloatArray
    high: FloatArray
    neutral: FloatArray
    weight: FloatArray
    now: FloatArray
    ramp_per_s: FloatArray
    stored_wh: FloatArray
    space_wh: FloatArray


@dataclass(frozen=True, slots=True)
class Deliverable:
    """One point of a schedule: what is asked and what the group can do then [W or var]."""

    at: dt.datetime
    requested: float
    low: float
    high: float
    value: float

    @property
    def is_met(self) -> bool:
        """True when all of it can be delivered."""
        return abs(self.value - self.requested) <= MET * max(abs(self.requested), 1.0)


def energy_bounds(
    low: FloatArray, high: FloatArray, stored_wh: FloatArray, space_wh: FloatArray, hours: float
) -> tuple[FloatArray, FloatArray]:
    """Narrow power limits to what a store can hold up for `hours`; NaN energy narrows nothing."""
    if hours <= 0:
        return low, high
    out = np.fmin(high, stored_wh * ONE_WAY_EFFICIENCY / hours)
    into = np.fmax(low, -space_wh / (ONE_WAY_EFFICIENCY * hours))
    # A limit that is forced (low > 0, say a load) stands, whatever the store says.
    return np.minimum(into, high), np.maximum(out, low)


def reachable(
    low: FloatArray, high: FloatArray, now: FloatArray, reach: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Narrow limits to what lies within `reach` of `now`; outside, to the nearer limit."""
    near_low, near_high = np.maximum(low, now - reach), np.minimum(high, now + reach)
    return np.minimum(near_low, high), np.maximum(near_high, low)


def first_shares(
    first: Deliverable, schedule: Schedule, members: Flexibility
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return set points, lower and upper limits of the members at the first point."""
    m, hours = members, schedule.interval_s / 3600
    low, high = energy_bounds(m.low, m.high, m.stored_wh, m.space_wh, hours)
    reach = m.ramp_per_s * min(schedule.interval_s, SETTLE_S)
    low, high = reachable(low, high, m.now, reach)
    return allocate(first.value, low, high, m.weight, start=m.neutral).set_points, low, high


def deliverable(schedule: Schedule, members: Flexibility) -> list[Deliverable]:
    """Walk through a schedule and say at each point what the group can deliver.

    Args:
        schedule: What is asked.
        members: What the members can do, arrays [n].

    Returns:
        One entry for each value of the schedule. A straight line may take a whole interval to
        reach its next point; a step must arrive within SETTLE_S.
    """
    m = lump(members, max(EXACT_WORK // len(schedule.values), 200))
    hours = schedule.interval_s / 3600
    stored, space, before = m.stored_wh, m.space_wh, m.now
    result = []
    for k, requested in enumerate(schedule.values):
        line = schedule.straight_line and k > 0
        reach = m.ramp_per_s * (schedule.interval_s if line else min(schedule.interval_s, SETTLE_S))
        low, high = energy_bounds(m.low, m.high, stored, space, hours)
        low, high = reachable(low, high, before, reach)
        least, most = float(low.sum()), float(high.sum())
        share = allocate(min(max(requested, least), most), low, high, m.weight, start=m.neutral)
        value = requested if least <= requested <= most and not share.shortfall else share.total
        at = schedule.start_at + k * schedule.step
        result.append(Deliverable(at, requested, least, most, value))
        before = share.set_points
        drawn = np.where(before > 0, before / ONE_WAY_EFFICIENCY, before * ONE_WAY_EFFICIENCY)
        stored, space = stored - drawn * hours, space + drawn * hours
        stored, space = np.maximum(stored, 0.0), np.maximum(space, 0.0)
    return result


def lump(members: Flexibility, limit: int) -> Flexibility:
    """Merge members alike in how long they last, so that at most about `limit` remain."""
    n = members.low.size
    if n <= limit:
        return members
    with np.errstate(invalid="ignore", divide="ignore"):
        lasts, fills = members.stored_wh / members.high, members.space_wh / -members.low
    order = np.lexsort(
        (
            fills,
            np.digitize(lasts, _HOURS),
            np.isnan(members.stored_wh),
            np.isinf(members.ramp_per_s),
        )
    )
    storing = ~np.isnan(members.stored_wh[order])
    firm = np.isinf(members.ramp_per_s[order])
    edges = np.arange(0, n, -(-n // limit))
    changes = np.flatnonzero((np.diff(storing) != 0) | (np.diff(firm) != 0)) + 1
    starts = np.union1d(edges, changes)
    summed = {
        f.name: np.add.reduceat(getattr(members, f.name)[order], starts) for f in fields(members)
    }
    return Flexibility(**summed)


def shortage(points: Sequence[Deliverable]) -> Deliverable | None:
    """Return the point that misses most of what is asked; None when all can be delivered."""
    missing = [p for p in points if not p.is_met]
    return max(missing, key=lambda p: abs(p.requested - p.value), default=None)
