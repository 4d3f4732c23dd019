"""Share a group target over its members: exact water-filling inside every member's limits.

For the planner and the closed loop. Every member gets clip(start + level * weight, low, high)
with one common level: each moves in proportion to its capacity until it meets a limit, and the
others take over the rest. That is the minimiser of sum((x - start)^2 / weight) in the limits.

Source: ours (ADR 0030); equal per-unit loading as the fair rule.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_RESIDUAL_ROUNDS = 3
_SORTED, _SAMPLE, _MARGIN = 8192, 2048, 150
"""Members few enough to be sorted; sample size and how many of its break points to go around."""
_FAR = 1e300
_NEGLIGIBLE = 1e-9
"""Relative residual that is rounding, not shortfall."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """Set points of the members and what they add up to.

    Attributes:
        set_points: float array [n], W or var, inside the limits.
        total: Sum of the set points.
        shortfall: Target minus total; 0 when met, its sign is that of what is missing.
        level: Common move per unit of weight of the members that are free to move further.
    """

    set_points: FloatArray
    total: float
    shortfall: float
    level: float


def allocate(
    target: float,
    low: ArrayLike,
    high: ArrayLike,
    weight: ArrayLike,
    *,
    start: ArrayLike = 0.0,
    tier: ArrayLike | None = None,
) -> Allocation:
    """Find set points in [low, high] that add up to `target`, moving fairly from `start`.

    Args:
        target: Group set point [W or var], any sign.
        low: float array [n], lowest reachable value of each member (ramp and energy included).
        high: float array [n], highest reachable value, >= low.
        weight: float array [n], capacity share, >= 0; a member of weight 0 stays where it is.
        start: float array [n] or scalar, the point members would be at without this target; it
            may lie outside the limits.
        tier: int array [n]; tier 0 is used up before tier 1 and so on. None: all alike.

    Returns:
        The allocation; its total equals the target within 1e-6 relative when the limits allow,
        else every movable member is at its limit and `shortfall` says what is missing.

    Raises:
        ValueError: a limit, weight or the target is not finite, low > high, weight < 0.
    """
    lo, hi, w = (np.asarray(a, dtype=np.float64) for a in (low, high, weight))
    _check(target, lo, hi, w)
    point = np.broadcast_to(np.asarray(start, dtype=np.float64), lo.shape)
    x = np.minimum(np.maximum(point, lo), hi)
    missing = float(target - x.sum())
    if missing >= 0:
        level = _raise(x, missing, point, hi, w, tier)
    else:
        down = -x
        level = -_raise(down, -missing, -point, -lo, w, tier)
        np.negative(down, out=x)
    total = _settle_residual(x, target, lo, hi, w)
    shortfall = target - total
    if abs(shortfall) <= _NEGLIGIBLE * abs(target) + 1e-12 * float(np.abs(x).sum()):
        shortfall = 0.0
    return Allocation(x, total, shortfall, level)


def _check(target: float, lo: FloatArray, hi: FloatArray, w: FloatArray) -> None:
    if not np.isfinite(target):
        raise ValueError("the target is not a finite number")
    # A sum is finite only if every term is: one pass instead of a mask per array.
    if not np.isfinite(lo.sum() + hi.sum() + w.sum()):
        raise ValueError("limits and weights must be finite numbers")
    if lo.size and (bool((lo > hi).any()) or float(w.min()) < 0):
        raise ValueError("a lower limit lies above the upper one, or a weight is negative")


def _raise(
    x: FloatArray,
    amount: float,
    start: FloatArray,
    high: FloatArray,
    weight: FloatArray,
    tier: ArrayLike | None,
) -> float:
    """Raise `x` in place by `amount` in all, tier after tier; return the last level."""
    if tier is None:
        return _raise_tier(x, amount, start, high, weight)
    level = 0.0
    for step in np.unique(tier):
        at = np.flatnonzero(np.asarray(tier) == step)
        before = x[at]
        after = before.copy()
        level = _raise_tier(after, amount, start[at], high[at], weight[at])
        x[at] = after
        amount -= float(after.sum() - before.sum())
        if amount <= 0:
            break
    return level


def _raise_tier(
    x: FloatArray, amount: float, start: FloatArray, high: FloatArray, weight: FloatArray
) -> float:
    if amount <= 0 or not x.size:
        return 0.0
    if float(weight.min()) <= 0:  # no capacity: it stays, as if it were full
        still = weight <= 0
        high, start = np.where(still, x, high), np.where(still, x, start)
        weight = np.where(still, 1.0, weight)
    with np.errstate(over="ignore"):  # next to no weight: such a member fills last
        begin, full = (x - start) / weight, (high - start) / weight
    if amount >= float(high.sum() - x.sum()):
        x[:] = high
        return max(float(full.max()), 0.0)
    level = find_level(amount, begin, full, weight)
    np.maximum(x, start + level * weight, out=x)
    np.minimum(x, high, out=x)
    return level


def find_level(amount: float, begin: FloatArray, full: FloatArray, weight: FloatArray) -> float:
    """Return the level at which vessels hold `amount`.

    Vessel i holds weight[i] * (clip(level, begin[i], full[i]) - begin[i]). What all hold is
    piecewise linear in the level. A random sample says about where the level lies; the bracket
    around that is checked with all members, and those without a break point inside are folded
    into a straight line. Few are left to be sorted, so each member is read a handful of times.

    Args:
        amount: What to hold, > 0 and less than all vessels can.
        begin: float array [n], >= 0 where full > begin.
        full: float array [n], >= begin.
        weight: float array [n], > 0.
    """
    least, most = 0.0, np.inf
    constant = slope = 0.0
    pick = np.random.default_rng(0)  # any seed: it only decides how fast the bracket shrinks
    while (n := begin.size) > _SORTED:
        part = pick.integers(0, n, _SAMPLE)
        line = (amount - constant) * _SAMPLE / n, slope * _SAMPLE / n
        guess = _sorted_level(*line, begin[part], full[part], weight[part])
        for pivot in _pivots(guess, begin[part], full[part], least, most):
            held = np.minimum(np.maximum(begin, pivot), full)
            held -= begin
            if constant + slope * pivot + float(held @ weight) < amount:
                least = max(least, pivot)
            else:
                most = min(most, pivot)
        filled = full <= least
        rising = (begin <= least) & (full >= most)
        constant += float((full[filled] - begin[filled]) @ weight[filled])
        constant -= float(begin[rising] @ weight[rising])
        slope += float(weight[rising].sum())
        left = np.flatnonzero(~(filled | rising | (begin >= most)))
        begin, full, weight = begin[left], full[left], weight[left]
    level = _sorted_level(amount - constant, slope, begin, full, weight)
    return min(max(level, least), most)


def _pivots(
    guess: float, begin: FloatArray, full: FloatArray, least: float, most: float
) -> list[float]:
    """Return break points on both sides of a guess; the middle one when it has no two sides."""
    edges = np.concatenate((begin, full))
    edges = np.sort(edges[(edges > least) & (edges < most)])
    near = int(np.searchsorted(edges, guess))
    if edges.size > 4 * _MARGIN and _MARGIN < near < edges.size - _MARGIN:
        return [float(edges[near - _MARGIN]), float(edges[near + _MARGIN])]
    return [float(edges[edges.size // 2])] if edges.size else [(least + min(most, _FAR)) / 2]


def _sorted_level(
    amount: float, slope: float, begin: FloatArray, full: FloatArray, weight: FloatArray
) -> float:
    """Solve for the level by sorting the break points; `slope` rises all the way."""
    edges = np.concatenate(([0.0], begin, np.minimum(full, _FAR)))
    bend = np.concatenate(([slope], weight, -weight))
    order = np.argsort(edges, kind="stable")
    edges, rate = edges[order], np.cumsum(bend[order])
    held = np.concatenate(([0.0], np.cumsum(rate[:-1] * np.diff(edges))))
    k = max(int(np.searchsorted(np.maximum.accumulate(held), amount)) - 1, 0)
    least, most = float(edges[k]), float(edges[min(k + 1, edges.size - 1)])
    # The running sums found the segment; on it, sum afresh what rises, free of cancellation.
    at_least = np.minimum(np.maximum(begin, least), full) - begin
    rises = slope + float(weight[(begin <= least) & (full >= most)].sum())
    missing = amount - slope * least - float(at_least @ weight)
    return min(max(least + missing / rises, least), most) if rises > 0 else least


def _settle_residual(
    x: FloatArray, target: float, lo: FloatArray, hi: FloatArray, w: FloatArray
) -> float:
    """Give what rounding left over to members with room, in place; return the total."""
    total = float(x.sum())
    for _ in range(_RESIDUAL_ROUNDS):
        residual = target - total
        if abs(residual) <= _NEGLIGIBLE * abs(target):
            break
        free = np.flatnonzero((w > 0) & ((x < hi) if residual > 0 else (x > lo)))
        if not free.size:
            break
        share = residual * w[free] / w[free].sum()
        x[free] = np.clip(x[free] + share, lo[free], hi[free])
        total = float(x.sum())
    return total
