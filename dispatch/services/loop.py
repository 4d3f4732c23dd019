"""One dispatch, one second: look, decide, journal what changed.

Everything it needs lives in PostgreSQL (the dispatch row, the journal) and in the fleet; what a
process keeps in `Track` is a copy it can lose. Commands are journaled in the transaction that
takes the next revision by compare-and-set, so a round happens once or not at all.
"""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from derms.core import clock
from derms.core.actors import SYSTEM
from derms.core.failpoints import pass_through
from derms.southbound.contract import CommandState
from derms.southbound.selectors import latest_commands
from derms.southbound.services import queue_commands
from dispatch.choices import DerParameter, DispatchState, TrackingState
from dispatch.models import GroupDispatch
from dispatch.rules import memory, tracking
from dispatch.rules.allocation import FloatArray
from dispatch.rules.limits import energy_bounds, reachable
from dispatch.rules.members import MemberColumns
from dispatch.rules.schedule import Schedule, of_style
from dispatch.rules.tracking import DEADBAND, BoolArray, Members, Round, correct, scale_of
from dispatch.selectors.members import align
from dispatch.services.records import note, power_of
from dispatch.services.releasing import KINDS

MOVE = 1e-4
"""Share of its capacity by which a set point must differ to be sent again."""
SETTLED_SHARE = 0.98
"""Share of the members that must have been measured since the last command."""
MIN_HOURS = 1 / 60
_OVER = (CommandState.SUPERSEDED, CommandState.COMPLETED)
_REFUSED = (CommandState.REJECTED, CommandState.FAILED, CommandState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Track:
    """What the journal and the row say of the members of one dispatch; arrays [n].

    Attributes:
        revision: Revision of the row this is a copy of.
        settlement: Its count of failures.
        ids: Device keys, ascending.
        commanded: Set point in force; NaN = none.
        refused: The last command did not get through.
        held: Held back, or silent, in the last round.
        baseline: Remembered undispatched value; NaN = none.
        arrives_us: When each member should have reached its set point, by its ramp;
            microseconds since 1970 UTC.
    """

    revision: int
    settlement: int
    ids: NDArray[np.int32]
    commanded: FloatArray
    refused: BoolArray
    held: BoolArray
    baseline: FloatArray
    arrives_us: NDArray[np.int64]

    def is_of(self, row: GroupDispatch, ids: NDArray[np.int32]) -> bool:
        """Tell whether this is still what the row and the journal would say."""
        same = self.revision == row.revision and self.settlement == row.settlement
        return same and np.array_equal(self.ids, ids)


def read_track(row: GroupDispatch, members: MemberColumns) -> Track:
    """Read the journal and the row of a dispatch for these members.

    Where each member came from is not in the journal, so it is given the time of its whole range.
    """
    ids = members.ids
    held, baseline = memory.decode(bytes(row.memory), ids)
    commanded, refused = np.full(ids.size, np.nan), np.zeros(ids.size, dtype=bool)
    if row.commanded_at is not None:
        latest = latest_commands(row.journal_key)
        at, has = align(latest, ids)
        if len(latest):
            state = latest.state[at]
            mine = has & ~np.isin(state, _OVER) & (latest.kind[at] == _kind(row))
            commanded = np.where(mine, latest.value[at], np.nan)
            refused = mine & np.isin(state, _REFUSED)
    whole = members.installed_high - members.installed_low
    arrives = _arrival_us(row.commanded_at or row.created_at, whole, members.ramp_per_s)
    return Track(row.revision, row.settlement, ids, commanded, refused, held, baseline, arrives)


def _arrival_us(sent_at: dt.datetime, way: FloatArray, ramp_per_s: FloatArray) -> NDArray[np.int64]:
    """Return when members that go this far should be there, a tenth of the way later."""
    travel_s = np.divide(
        1.1 * np.abs(way), ramp_per_s, where=ramp_per_s > 0, out=np.zeros_like(way)
    )
    return int(sent_at.timestamp() * 1e6) + (1e6 * travel_s).astype(np.int64)


def _kind(row: GroupDispatch) -> int:
    return int(KINDS[DerParameter(row.parameter)])


def schedule_of(row: GroupDispatch) -> Schedule:
    """Return the schedule of a dispatch."""
    return of_style(
        start_at=row.start_at,
        interval_s=row.interval_s,
        values=tuple(row.values),
        style=row.curve_style,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one second of one dispatch came to."""

    target: float
    commanded: float
    measured: float
    headroom: float
    tracking: TrackingState
    members: int
    delivering: int
    limited: int
    silent: int
    track: Track
    sent: int


@dataclass(frozen=True, slots=True)
class _View:
    """What the loop decides on."""

    members: MemberColumns
    track: Track
    now: dt.datetime
    fresh: BoolArray
    silent: BoolArray
    settled: bool
    since_s: float
    moving: bool = False


def run_loop(row: GroupDispatch, members: MemberColumns, track: Track | None) -> Outcome:
    """Do one second of an active dispatch.

    Args:
        row: The dispatch, as just read.
        members: The members it has, at present.
        track: What this process remembers of it; read again when it is not up to date.

    Returns:
        What came of it. When another process was faster, nothing was sent.
    """
    now = clock.now()
    if track is None or not track.is_of(row, members.ids):
        track = read_track(row, members)
    view = _look(row, members.with_baseline(track.baseline), track, now)
    schedule = schedule_of(row)
    target = schedule.held_value(now, _step_s(members))
    asked = schedule.value_at(now)
    rating = float(members.weight.sum())
    first = correct(target, _bounded(view, schedule))
    why, result = _decide(row, view, schedule, target, first, rating)
    sent = 0
    if why:
        track, sent = _send(row, view, result, why=why)
    held = result.held & ~view.silent
    return Outcome(
        target=asked,
        commanded=float(np.nansum(track.commanded[~view.silent])),
        measured=result.measured,
        headroom=result.headroom,
        tracking=tracking.tracking_state(
            target=asked,
            measured=result.measured,
            rating=rating,
            headroom=result.headroom,
            settled=view.settled and not sent and not view.moving,
        ),
        members=int(members.ids.size),
        delivering=result.delivering,
        limited=int(held.sum()),
        silent=int(view.silent.sum()),
        track=track,
        sent=sent,
    )


def _step_s(members: MemberColumns) -> float:
    """Return how long a step of a straight line is held: long enough to be measured."""
    slowest = int(members.poll_s.max()) if members.poll_s.size else 1
    return slowest + settings.DISPATCH_RESPONSE_S + 1


def _look(row: GroupDispatch, members: MemberColumns, track: Track, now: dt.datetime) -> _View:
    now_us = int(now.timestamp() * 1e6)
    response_us = settings.DISPATCH_RESPONSE_S * 1e6
    age_us = now_us - members.measured_at_us
    # Sooner than stale: in a dispatch two missed polls are enough to let others take over.
    quiet = age_us > 2e6 * members.poll_s + response_us
    silent = members.silent | ~members.usable | quiet
    if row.commanded_at is None:
        nothing = np.zeros(silent.shape, dtype=bool)
        return _View(members, track, now, nothing, silent, settled=True, since_s=np.inf)
    sent_us = int(row.commanded_at.timestamp() * 1e6)
    # A member is judged by what it measures after it had the time to get there.
    fresh = members.measured_at_us >= np.maximum(sent_us, track.arrives_us) + response_us
    commanded = ~silent & np.isfinite(track.commanded)
    moving = commanded & (now_us < track.arrives_us + response_us)
    waiting = commanded & ~moving
    since_s = (now - row.commanded_at).total_seconds()
    # All that live have been polled by then; one that hangs must not hold up the others.
    polled_s = settings.DISPATCH_RESPONSE_S + 1.25 * float(members.poll_s.max(initial=0))
    done = not waiting.any() or since_s > polled_s
    done = done or float(fresh[waiting].mean()) >= SETTLED_SHARE
    some_move = float(moving.sum()) > (1 - SETTLED_SHARE) * float(commanded.sum())
    return _View(members, track, now, fresh, silent, done, since_s, some_move)


def _bounded(view: _View, schedule: Schedule) -> Members:
    m = view.members
    remaining = (schedule.next_change_at(view.now) - view.now).total_seconds() / 3600
    hours = max(remaining, MIN_HOURS)
    low, high = energy_bounds(m.low, m.high, m.stored_wh, m.space_wh, hours)
    present = np.where(np.isnan(m.now), m.neutral, m.now)
    low, high = reachable(low, high, present, m.ramp_per_s * _step_s(m))
    return Members(
        low=low,
        high=high,
        weight=m.weight,
        neutral=m.neutral,
        commanded=view.track.commanded,
        measured=m.now,
        fresh=view.fresh,
        silent=view.silent,
        refused=view.track.refused,
        held=view.track.held,
    )


def _decide(
    row: GroupDispatch,
    view: _View,
    schedule: Schedule,
    target: float,
    plan: Round,
    rating: float,
) -> tuple[str, Round]:
    """Say why set points are to be sent now ("" = they are not), and which."""
    scale = scale_of(target, rating)
    if row.commanded_at is None:
        return "first", plan
    before = schedule.held_value(row.commanded_at, _step_s(view.members))
    if abs(target - before) > DEADBAND * scale / 2:
        return "interval", plan
    renew_s = settings.SOUTHBOUND_REVERSION_S / 2
    if row.renewed_at is None or (view.now - row.renewed_at).total_seconds() >= renew_s:
        return "renewal", plan
    if not view.settled:
        return "", plan
    probing = view.since_s >= settings.DISPATCH_PROBE_S and bool(view.track.held.any())
    quiet = correct(target, _bounded(view, schedule), probe=False)
    news = bool((np.isfinite(quiet.set_points) & np.isnan(view.track.commanded)).any())
    off = abs(target - quiet.measured) > DEADBAND * scale
    if probing:
        return "probe", plan
    moved = _changed(view, quiet).any()
    return ("correction", quiet) if (off and moved) or news else ("", quiet)


def _changed(view: _View, plan: Round, *, probing: bool = False) -> BoolArray:
    old, new = view.track.commanded, plan.set_points
    # What is asked of held members follows their noise; only a real change is worth a command.
    # A probe is small on purpose and must go out, or nobody ever gets his place back.
    share = np.where(plan.held & (not probing), tracking.TOLERANCE, MOVE)
    move = np.abs(new - np.nan_to_num(old)) > share * view.members.weight
    return np.isfinite(new) & (np.isnan(old) | move)


def _send(row: GroupDispatch, view: _View, plan: Round, *, why: str) -> tuple[Track, int]:
    track, members, now = view.track, view.members, view.now
    renew = why in ("renewal", "first")
    merged = np.where(np.isfinite(plan.set_points), plan.set_points, track.commanded)
    changed = _changed(view, plan, probing=why == "probe")
    chosen = np.isfinite(merged) & ~view.silent if renew else changed
    baseline = np.where(
        members.guessed & np.isnan(track.baseline) & chosen, members.neutral, track.baseline
    )
    taken = replace(
        track,
        revision=row.revision + 1,
        commanded=np.where(chosen, merged, track.commanded),
        refused=track.refused & ~chosen,
        held=plan.held,
        baseline=baseline,
        arrives_us=np.where(
            chosen,
            _arrival_us(now, np.nan_to_num(merged - members.now), members.ramp_per_s),
            track.arrives_us,
        ),
    )
    with transaction.atomic():
        won = GroupDispatch.objects.filter(
            pk=row.pk, state=DispatchState.ACTIVE, revision=row.revision
        ).update(
            revision=row.revision + 1,
            commanded_at=now,
            renewed_at=now if renew else row.renewed_at,
            memory=memory.encode(track.ids, plan.held, baseline),
        )
        if not won:
            return track, 0
        pass_through("dispatch.revision_taken")
        sent = queue_commands(
            origin=row.journal_key,
            revision=row.revision + 1,
            kind=_kind(row),
            device_ids=track.ids[chosen],
            values=merged[chosen],
            valid_until=_valid_until(row, now),
            reversion_s=settings.SOUTHBOUND_REVERSION_S,
            actor=SYSTEM,
        )
        pass_through("dispatch.journaled")
        _tell(row, view, plan, int(chosen.sum()))
    pass_through("dispatch.committed")
    return taken, sent


def _valid_until(row: GroupDispatch, now: dt.datetime) -> dt.datetime:
    """Return when an unsent set point is of no use any more: at the end, or when late."""
    late = now + dt.timedelta(seconds=settings.DISPATCH_VALID_S)
    return max(min(late, row.end_at), now + dt.timedelta(seconds=1))


def _tell(row: GroupDispatch, view: _View, plan: Round, sent: int) -> None:
    """Write to the timeline what an operator wants to know: the first plan, changed members."""
    if row.commanded_at is None:
        note(
            row,
            "planned",
            f"Set points for {sent} members, together {power_of(row, plan.expected)}.",
        )
        return
    before, after = int(view.track.held.sum()), int(plan.held.sum())
    if before != after:
        silent = int(view.silent.sum())
        note(
            row,
            "corrected",
            f"{after - silent} members held at what they deliver, {silent} silent; "
            f"{sent} new set points.",
        )
