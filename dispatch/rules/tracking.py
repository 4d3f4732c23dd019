"""The closed loop of a dispatch: compare measured with target, move the missing share.

For the one-second tick, once per round of measurements. It keeps no state of its own: what it
needs to remember is the last set point of each member (the command journal) and which members
are held back (the dispatch row), so any worker can take over at any round.

A round, member by member:
- silent members count as nothing and get no command;
- a member that stays behind its set point is held at what it measures, plus a small probe;
- a held member that followed its probe may rise by another one, until it is level with the rest;
- while headroom is gone and something is missing, held members are asked for all of it: one that
  was held wrongly gives it at once, and the sum of the set points stays at the target;
- a member beyond its set point (it ignores us) counts as measured, and is asked only for more;
- the others share what is left, each corrected for its own small steady offset. Working on set
  points inside limits, not on a growing error sum, the loop cannot wind up.

Source: ours (ADR 0031).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch.choices import TrackingState
from dispatch.rules.allocation import Allocation, FloatArray, allocate

BoolArray = NDArray[np.bool_]

BAND = 0.02
"""Tracking means measured within this share of the target."""
DEADBAND = 0.0025
"""No correction while the error is below this share of the target."""
FLOOR = 0.05
"""Shares are of the target, but of no less than this part of the group's rating."""
TOLERANCE = 0.02
"""A member delivers when it is within this share of its capacity of the set point."""
PROBE = 0.005
"""What all held members together may be asked for beyond what they showed, of the target."""


@dataclass(frozen=True, slots=True)
class Members:
    """What is known of the members a dispatch may use; arrays [n], W or var.

    Attributes:
        low: Lowest set point now reachable (ramp and energy included).
        high: Highest set point now reachable, >= low.
        weight: Capacity, >= 0.
        neutral: Where the member would be without this dispatch.
        commanded: Last set point sent; NaN = none yet.
        measured: Last measured value; NaN = never.
        fresh: Measured after the last set point had time to act.
        silent: Does not talk to us (stale, lost).
        refused: The last command was rejected or failed.
        held: Was held back, or silent, in the round before.
    """

    low: FloatArray
    high: FloatArray
    weight: FloatArray
    neutral: FloatArray
    commanded: FloatArray
    measured: FloatArray
    fresh: BoolArray
    silent: BoolArray
    refused: BoolArray
    held: BoolArray


@dataclass(frozen=True, slots=True)
class Round:
    """Outcome of one round.

    Attributes:
        set_points: float array [n]; NaN where no set point is to be sent.
        held: bool array [n], members held back or silent; remember it for the next round.
        expected: What the group should measure once the set points have acted.
        missing: Target minus expected; 0 unless the headroom is gone.
        measured: What the talking members measure together.
        headroom: How much further the group could move away from neutral.
        delivering: Number of talking members that are not held back.
    """

    set_points: FloatArray
    held: BoolArray
    expected: float
    missing: float
    measured: float
    headroom: float
    delivering: int


def scale_of(target: float, rating: float) -> float:
    """Return the power that bands and deadbands are shares of."""
    return max(abs(target), FLOOR * rating)


def correct(target: float, members: Members, *, probe: bool = True) -> Round:
    """Work out the next set points from what the members measured.

    Args:
        target: What the group shall deliver [W or var], positive = injection.
        members: The members this dispatch may use.
        probe: Let held members try a little more this time.

    Returns:
        The round. For members without a set point so far it is the first plan.
    """
    m = members
    seen = _judge(m)
    use = np.flatnonzero(~m.silent)

    def plan(step: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, Allocation]:
        low, high, likely = _bounds(m, seen, step)
        rest = target - float(likely[use].sum())
        start = m.neutral[use]
        return low, high, likely, allocate(rest, low[use], high[use], m.weight[use], start=start)

    step = _probe_step(target, m.weight, seen.bound) if probe else np.zeros_like(m.weight)
    low, high, likely, share = plan(step)
    up = target >= float(np.clip(m.neutral, m.low, m.high)[use].sum())
    room = (high[use] - share.set_points) if up else (share.set_points - low[use])
    headroom, missing = float(room[m.weight[use] > 0].sum()), share.shortfall
    asked = _missing_step(missing, target, m.weight, seen.bound)
    if asked.any():
        low, high, likely, share = plan(step + asked)
    set_points = np.full(m.weight.shape, np.nan)
    set_points[use] = share.set_points
    slack = 1e-6 * m.weight
    at_limit = np.where(seen.upward, set_points >= high - slack, set_points <= low + slack)
    beyond = np.where(seen.upward, set_points <= low + slack, set_points >= high - slack)
    ignoring = seen.stray & beyond
    set_points[ignoring] = np.nan
    held = m.silent | (seen.bound & at_limit)
    return Round(
        set_points=set_points,
        held=held,
        expected=share.total + float(likely[use].sum()),
        missing=missing,
        measured=float(seen.measured[use].sum()),
        headroom=headroom,
        delivering=int((~held & ~ignoring).sum()),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a round of measurements says of each member; arrays [n].

    Attributes:
        measured: Measured value, 0 where there is none.
        offset: Measured minus commanded where that is known, else 0.
        upward: The set point lies above neutral, or the member is off in that direction.
        behind: Stays behind its set point, or refused it.
        stray: Goes beyond its set point.
        bound: Behind, or held and not recovered yet.
    """

    measured: FloatArray
    offset: FloatArray
    upward: BoolArray
    behind: BoolArray
    stray: BoolArray
    bound: BoolArray


def _judge(m: Members) -> _Seen:
    measured = np.nan_to_num(m.measured)
    known = np.isfinite(m.commanded) & ~m.silent
    offset = np.where(known & m.fresh, measured - np.nan_to_num(m.commanded), 0.0)
    away = np.where(known, np.nan_to_num(m.commanded) - m.neutral, measured - m.neutral)
    missed = np.abs(offset) > TOLERANCE * m.weight
    behind = (missed & (offset * away < 0)) | (m.refused & known)
    stray = missed & ~behind
    return _Seen(
        measured=measured,
        offset=offset,
        upward=np.where(away != 0, away > 0, offset > 0),
        behind=behind,
        stray=stray,
        bound=~m.silent & ~stray & (behind | m.held),
    )


def _bounds(m: Members, seen: _Seen, step: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Narrow the limits to what members showed; say what each will miss of its set point."""
    known = np.isfinite(m.commanded)
    step = np.where(seen.behind | (np.abs(seen.offset) < step / 2), step, 0.0)
    base = np.where(seen.behind | ~known, seen.measured, np.nan_to_num(m.commanded))
    # A held member may go a step further than it showed, a stray one no nearer than it is.
    ceiling = np.where(seen.bound, base + step, np.where(seen.stray, seen.measured, np.inf))
    floor = np.where(seen.bound, base - step, np.where(seen.stray, seen.measured, -np.inf))
    capped = seen.bound == seen.upward
    narrowed = seen.bound | seen.stray
    high = np.where(narrowed & capped, np.clip(ceiling, m.low, m.high), m.high)
    low = np.where(narrowed & ~capped, np.clip(floor, m.low, m.high), m.low)
    # A probe is not counted upon: expected of it is what was there before.
    probe = np.where(seen.upward, -step, step)
    likely = np.where(seen.bound, np.where(seen.behind, 0.0, seen.offset) + probe, seen.offset)
    return low, high, np.where(seen.stray, 0.0, likely)


def _probe_step(target: float, weight: FloatArray, bound: BoolArray) -> FloatArray:
    tried = float(weight[bound].sum())
    budget = PROBE * scale_of(target, float(weight.sum()))
    return weight * min(TOLERANCE, budget / tried) if tried else np.zeros_like(weight)


def _missing_step(
    missing: float, target: float, weight: FloatArray, bound: BoolArray
) -> FloatArray:
    """Return how much further each held member is asked to go, so that nothing is missing."""
    tried = float(weight[bound].sum())
    if not tried or abs(missing) <= DEADBAND * scale_of(target, float(weight.sum())):
        return np.zeros_like(weight)
    return np.where(bound, weight * abs(missing) / tried, 0.0)


def tracking_state(
    *, target: float, measured: float, rating: float, headroom: float, settled: bool
) -> TrackingState:
    """Say how a dispatch follows its target.

    Args:
        target: What is asked [W or var].
        measured: What the group measures.
        rating: Sum of the members' capacities, the floor of the band.
        headroom: What the members could still add, >= 0.
        settled: The last set points have had time to act and be measured.

    Returns:
        Tracking inside the band; else ramping while set points still act or there is headroom
        to give, shortfall when it is gone, overshoot when settled on the far side.
    """
    scale = scale_of(target, rating)
    error = target - measured
    if abs(error) <= BAND * scale:
        return TrackingState.TRACKING
    if not settled:
        return TrackingState.RAMPING
    beyond = error < 0 if target >= 0 else error > 0
    if beyond:
        return TrackingState.OVERSHOOT
    return TrackingState.SHORTFALL if headroom < DEADBAND * scale else TrackingState.RAMPING
