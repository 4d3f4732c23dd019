"""When a partner is told a status again: by change, by state or by time, for all groups at once.

Source: ours; IEC 61968-5 figure 13 (status push).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TOLD = ("active_power_w", "members", "good", "available_w", "ratings")


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a subscription asks for.

    Attributes:
        on_change: Whether thresholds and state count at all.
        change_w: Move of active power, or of what of it is available, since the last message [W];
            None = does not count.
        change_pct: The same in percent of the installed power; None = does not count.
        on_state: Whether another state, another number of good members or another installed
            power counts.
        min_interval_s: Never sooner after the last message [s].
        period_s: At the latest so long after the last message [s]; None = never for that reason.
    """

    on_change: bool
    change_w: float | None
    change_pct: float | None
    on_state: bool
    min_interval_s: float
    period_s: float | None


@dataclass(frozen=True, slots=True)
class Now:
    """Groups as they are; arrays [n_groups].

    Attributes:
        active_power_w: Measured sum of the good members, positive = injection.
        installed_w: Larger of the installed maximum and the installed draw, >= 0.
        members: Number of members.
        good: Number of members with a good value.
        available_w: [n_groups, 2], presently available maximum and minimum.
        ratings: [n_groups, 4], installed maximum and minimum [W], the same [var].
    """

    active_power_w: Floats
    installed_w: Floats
    members: Ints
    good: Ints
    available_w: Floats
    ratings: Floats

    def __len__(self) -> int:
        return len(self.members)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the partner was told last; arrays [n_groups], `at_s` -inf where it was never told."""

    active_power_w: Floats
    members: Ints
    good: Ints
    available_w: Floats
    ratings: Floats
    at_s: Floats

    @classmethod
    def nothing(cls, count: int) -> "Sent":
        """Return what a partner knows that was never told anything."""
        whole = np.zeros(count, dtype=np.int64)
        return cls(
            np.zeros(count),
            whole,
            whole.copy(),
            np.zeros((count, 2)),
            np.zeros((count, 4)),
            np.full(count, -np.inf),
        )

    def moved(self, source: Ints) -> "Sent":
        """Return the same for other rows.

        Args:
            source: [n_new], where each new row was before; -1 = nowhere, so never told.
        """
        fresh = Sent.nothing(len(source))
        kept = source >= 0
        for name in (*_TOLD, "at_s"):
            getattr(fresh, name)[kept] = getattr(self, name)[source[kept]]
        return fresh

    def note(self, rows: Ints, now: Now, at_s: float) -> None:
        """Write down, in place, that these rows were told as they are now."""
        for name in _TOLD:
            getattr(self, name)[rows] = getattr(now, name)[rows]
        self.at_s[rows] = at_s


def due(trigger: Trigger, now: Now, sent: Sent, at_s: float) -> Bools:
    """Return which groups have to be told; bool array [n_groups].

    Args:
        trigger: What the subscription asks for.
        now: Groups as they are.
        sent: What was told last, same rows.
        at_s: The present on the clock of `sent.at_s` [s].
    """
    age_s = at_s - sent.at_s
    wanted = np.isinf(sent.at_s)
    if trigger.period_s is not None:
        wanted = wanted | (age_s >= trigger.period_s)
    if trigger.on_change:
        wanted = wanted | _changed(trigger, now, sent)
    return wanted & (age_s >= trigger.min_interval_s)


def _changed(trigger: Trigger, now: Now, sent: Sent) -> Bools:
    moved_w = np.maximum(
        np.abs(now.active_power_w - sent.active_power_w),
        np.abs(now.available_w - sent.available_w).max(axis=1),
    )
    found = np.zeros(len(now), dtype=np.bool_)
    if trigger.change_w is not None:
        found |= moved_w >= max(trigger.change_w, 1e-9)
    if trigger.change_pct is not None:
        found |= moved_w >= np.maximum(now.installed_w * trigger.change_pct / 100, 1e-9)
    if trigger.on_state:
        # Online, Degraded, Offline and Empty follow from these two numbers.
        found |= (now.good != sent.good) | (now.members != sent.members)
        # By the same sum in another order the ratings differ in their last digits.
        found |= ~np.isclose(now.ratings, sent.ratings, rtol=1e-9, atol=1e-3).all(axis=1)
    return found
