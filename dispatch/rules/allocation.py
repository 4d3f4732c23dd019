"""Share a group target over its members: exact water-filling inside every member's limits.

For `services/planning.py` and the closed loop. All members move in the same direction, each in
proportion to its capacity, until it meets its limit; those at a limit stay there and the others
take over the rest. That is the minimiser of sum((x - start)^2 / weight) under the limits.

Source: ours (ADR 0030); equal per-unit loading as the fair rule.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_RESIDUAL_ROUNDS = 3
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
        start: float array [n] or scalar, the point members would be at without this target;
            clipped into the limits first.
        tier: int array [n]; tier 0 is used up before tier 1 and so on. None: all alike.

    Returns:
        The allocation; its total equals the target within 1e-6 relative when the limits allow,
        else every movable member is at its limit and `shortfall` says what is missing.

    Raises:
        ValueError: a limit, weight or the target is not finite, low > high, weight < 0.
    """
    lo, hi, w = (np.asarray(a, dtype=np.float64) for a in (low, high, weight))
    _check(target, lo, hi, w)
    x = np.clip(np.asarray(start, dtype=np.float64), lo, hi)
    if x.size == 0:
        return Allocation(x, 0.0, float(target), 0.0)
    missing = target - float(x.sum())
    up = missing >= 0
    room = np.where(w > 0, hi - x if up else x - lo, 0.0)
    moved, level = _fill_tiers(abs(missing), room, w, tier)
    x += moved if up else -moved
    np.clip(x, lo, hi, out=x)
    total = _settle_residual(x, target, lo, hi, w)
    shortfall = target - total
    if abs(shortfall) <= _NEGLIGIBLE * abs(target) + 1e-12 * float(np.abs(x).sum()):
        shortfall = 0.0
    return Allocation(x, total, shortfall, level if up else -level)


def _check(target: float, lo: FloatArray, hi: FloatArray, w: FloatArray) -> None:
    if not np.isfinite(target):
        raise ValueError("the target is not a finite number")
    # A sum is finite only if every term is: one pass instead of a mask per array.
    if not np.isfinite(lo.sum() + hi.sum() + w.sum()):
        raise ValueError("limits and weights must be finite numbers")
    if lo.size and (bool((lo > hi).any()) or float(w.min()) < 0):
        raise ValueError("a lower limit lies above the upper one, or a weight is negative")


def _fill_tiers(
    amount: float, room: FloatArray, w: FloatArray, tier: ArrayLike | None
) -> tuple[FloatArray, float]:
    if tier is None:
        return fill(amount, room, w)
    tiers = np.asarray(tier)
    moved = np.zeros_like(room)
    level = 0.0
    for step in np.unique(tiers):
        at = np.flatnonzero(tiers == step)
        moved[at], level = fill(amount, room[at], w[at])
        amount -= float(moved[at].sum())
        if amount <= 0:
            break
    return moved, level


def fill(amount: float, room: FloatArray, weight: FloatArray) -> tuple[FloatArray, float]:
    """Pour `amount` into vessels of size `room`, all rising at a rate of `weight`.

    Args:
        amount: What to pour, >= 0.
        room: float array [n], >= 0.
        weight: float array [n], >= 0; where it is 0, room must be 0.

    Returns:
        What each vessel holds, float array [n], and the common level reached.
    """
    if amount <= 0:
        return np.zeros_like(room), 0.0
    full_at = np.full_like(room, np.inf)
    with np.errstate(over="ignore"):  # a vessel of next to no weight never fills
        np.divide(room, weight, out=full_at, where=weight > 0)
    order = np.argsort(full_at)[: np.count_nonzero(weight)]
    brim, rising, filled = full_at[order], weight[order], room[order]
    still = np.cumsum(rising[::-1])[::-1]  # weight that rises until vessel k is full
    before = np.cumsum(filled) - filled  # held by the vessels that filled before k
    reached = np.maximum.accumulate(before + still * brim)  # rounding must not break the order
    k = int(np.searchsorted(reached, amount))
    if k == order.size:
        return room.copy(), float(brim[-1]) if order.size else 0.0
    level = max(0.0, (amount - float(before[k])) / float(still[k]))
    return np.minimum(weight * level, room), level


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
