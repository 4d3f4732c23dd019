"""The second's work of all dispatches: start, step, correct, end, and tell.

One tick at a time over all processes (advisory lock of the session); every step is a transaction
of its own with a compare-and-set, so a tick killed anywhere is simply taken up by the next.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import Q
from numpy.typing import NDArray

from derms.alarms.choices import Priority
from derms.alarms.services import clear_alarm, raise_alarm
from derms.core import bulk, clock, correlation
from derms.devices.fleet import Fleet, get_fleet
from derms.live.services import push_ticks
from dispatch.choices import DerParameter, DispatchState, TrackingState
from dispatch.models import GroupDispatch
from dispatch.rules.precedence import share_out
from dispatch.selectors.dispatches import dispatch_row
from dispatch.selectors.snapshots import held_off_ids, members_in_fleet
from dispatch.services.lifecycle import (
    SHORTFALL_ALARM,
    SOURCE_TYPE,
    activate,
    complete,
    expire,
    fail,
    finish,
    rank_of,
    supersede,
)
from dispatch.services.loop import Outcome, Track, run_loop
from dispatch.services.records import announce, note, power_of
from groups.selectors import is_of_sandbox, member_ids, revisions

_LOCK = 0x6465_726D_0200  # any fixed number of our own
_log = logging.getLogger(__name__)
_tracks: dict[int, Track] = {}
_members: dict[int, tuple[int, NDArray[np.int32]]] = {}


@contextlib.contextmanager
def _only_one(*, wait: bool) -> Iterator[bool]:
    function = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [_LOCK])
        got = wait or bool(cursor.fetchone()[0])
    try:
        yield got
    finally:
        if got:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def run_tick(*, wait: bool = False) -> int:
    """Do what is due for all dispatches.

    Args:
        wait: Wait for a tick that is running; without it, leave the work to that one.

    Returns:
        Number of active dispatches looked after; 0 when another tick was running.
    """
    with _only_one(wait=wait) as got:
        if not got:
            return 0
        _step_states()
        active = _active()
        for pk in set(_tracks) - {row.pk for row in active}:
            del _tracks[pk]
        if not active:
            return 0
        fleet = get_fleet()
        fleet.refresh()
        held_off = held_off_ids()
        outcomes = {}
        for row, ids in _shared_out(active):
            with _isolated(row):
                outcome = _look_after(row, ids, fleet, held_off)
                if outcome is not None:
                    outcomes[row.pk] = row, outcome
        _store(list(outcomes.values()))
        return len(active)


@contextlib.contextmanager
def _isolated(row: GroupDispatch) -> Iterator[None]:
    """Keep the trouble of one dispatch from the others; it is tried again next second."""
    correlation.bind(row.correlation_id or None)
    try:
        yield
    except Exception:  # noqa: BLE001 - the door of every dispatch: one must not stop the rest
        _tracks.pop(row.pk, None)
        _log.exception("dispatch %s could not be looked after", row.mrid)


def _step_states() -> None:
    now = clock.now()
    due = GroupDispatch.objects.filter(
        Q(state=DispatchState.SCHEDULED, start_at__lte=now)
        | Q(state=DispatchState.ACTIVE, end_at__lte=now)
        | Q(state=DispatchState.ENDING)
    ).order_by("priority", "-pk")
    for row in due:
        with _isolated(row):
            if row.state == DispatchState.ACTIVE:
                finish(row)
            elif row.state == DispatchState.ENDING:
                complete(row)
            elif row.end_at <= now:
                expire(row)
            else:
                activate(row)


def _active() -> list[GroupDispatch]:
    return list(GroupDispatch.objects.filter(state=DispatchState.ACTIVE).order_by("pk"))


def _members_of(rows: list[GroupDispatch]) -> list[NDArray[np.int32]]:
    known = revisions() if rows else {}
    found = []
    for row in rows:
        revision = known.get(row.group_key, -1)
        cached = _members.get(row.group_key)
        if cached is None or cached[0] != revision:
            cached = revision, member_ids(row.group_key)
            _members[row.group_key] = cached
        found.append(cached[1])
    for key in set(_members) - {row.group_key for row in rows}:
        del _members[key]
    return found


def _shared_out(rows: list[GroupDispatch]) -> list[tuple[GroupDispatch, NDArray[np.int32]]]:
    """Give each device to the strongest dispatch of each parameter; strongest first."""
    wanted = dict(zip((row.pk for row in rows), _members_of(rows), strict=True))
    result = []
    for parameter in sorted({row.parameter for row in rows}):
        rivals = sorted((r for r in rows if r.parameter == parameter), key=rank_of)
        wants = [wanted[row.pk] for row in rivals]
        shares = share_out(wants, [rank_of(row) for row in rivals])
        for row, want, mine in zip(rivals, wants, shares, strict=True):
            ids = want[mine]
            if ids.size or not want.size:
                result.append((row, ids))
            else:
                winner = next(
                    r for r, ids in zip(rivals, wants, strict=True) if np.isin(want, ids).any()
                )
                with _isolated(row):
                    supersede(row, by=winner)
    return result


def _look_after(
    row: GroupDispatch, ids: NDArray[np.int32], fleet: Fleet, held_off: NDArray[np.int32]
) -> Outcome | None:
    if not ids.size:
        fail(row, reason="The group has no members any more.")
        return None
    reactive = row.parameter == DerParameter.REACTIVE_POWER
    members = members_in_fleet(fleet, ids, reactive=reactive, held_off=held_off)
    outcome = run_loop(row, members, _tracks.get(row.pk))
    _tracks[row.pk] = outcome.track
    _follow_tracking(row, outcome)
    return outcome


def _follow_tracking(row: GroupDispatch, outcome: Outcome) -> None:
    """Announce a change of the tracking state; raise and clear the shortfall alarm."""
    new = outcome.tracking
    if new == row.tracking:
        return
    values: dict[str, Any] = {"tracking": new, "modified_at": clock.now()}
    if new == TrackingState.TRACKING and row.first_tracked_at is None:
        values["first_tracked_at"] = values["modified_at"]
    with transaction.atomic():
        same = GroupDispatch.objects.filter(
            pk=row.pk, state=DispatchState.ACTIVE, tracking=row.tracking
        )
        if not same.update(**values):
            return
        was, row.tracking = row.tracking, new
        missing = outcome.target - outcome.measured
        asked, measured = power_of(row, outcome.target), power_of(row, outcome.measured)
        text = f"Asked {asked}, measured {measured}."
        note(row, str(new), text)
        if new == TrackingState.SHORTFALL and not is_of_sandbox(row.group_mrid):
            raise_alarm(
                kind=SHORTFALL_ALARM,
                priority=Priority.HIGH,
                source_type=SOURCE_TYPE,
                source_mrid=row.mrid,
                source_name=row.name or row.group_name,
                condition=f"{power_of(row, abs(missing))} of {asked} cannot be delivered: "
                f"{outcome.limited} members at their limit, {outcome.silent} silent.",
                response="Lower the target, add members, or cancel the dispatch.",
            )
        elif was == TrackingState.SHORTFALL:
            clear_alarm(kind=SHORTFALL_ALARM, source_type=SOURCE_TYPE, source_mrid=row.mrid)
        announce(row)


_UPDATE = """
UPDATE dispatch_groupdispatch AS d
SET target_now = new.target, commanded_now = new.commanded, measured_now = new.measured,
    headroom_now = new.headroom, members = new.members, members_delivering = new.delivering,
    members_limited = new.limited, members_silent = new.silent
FROM {new} WHERE d.id = new.id AND d.state = 'active'
"""


def _store(done: list[tuple[GroupDispatch, Outcome]]) -> None:
    """Write samples and present values of all dispatches at once, and push them."""
    if not done:
        return
    now = clock.now()
    powers = {
        name: np.array([getattr(outcome, name) for _, outcome in done])
        for name in ("target", "commanded", "measured", "headroom")
    }
    counts = {
        name: np.array([getattr(outcome, name) for _, outcome in done], dtype="int32")
        for name in ("members", "delivering", "limited", "silent")
    }
    keys = np.array([row.pk for row, _ in done], dtype="int64")
    at = np.full(keys.size, np.datetime64(now.replace(tzinfo=None), "us"))
    columns = {"id": keys, **powers, **counts}
    with transaction.atomic():
        bulk.copy_in("dispatch_dispatchsample", {"dispatch_id": keys, "at": at, **powers})
        bulk.execute(_UPDATE.format(new=bulk.unnest(columns)), columns)
    shown = [_shown(row, outcome) for row, outcome in done]
    ticks: list[tuple[str, Any]] = [("dispatches", shown)]
    for (row, outcome), values in zip(done, shown, strict=True):
        sample = {name: getattr(outcome, name) for name in powers} | {"at": now}
        ticks.append((f"dispatch:{row.mrid}", {"dispatch": values, "sample": sample}))
    push_ticks(ticks)


def _shown(row: GroupDispatch, outcome: Outcome) -> dict[str, Any]:
    return dispatch_row(row) | {
        "revision": outcome.track.revision,
        "target_now": outcome.target,
        "commanded_now": outcome.commanded,
        "measured_now": outcome.measured,
        "headroom_now": outcome.headroom,
        "members": outcome.members,
        "members_delivering": outcome.delivering,
        "members_limited": outcome.limited,
        "members_silent": outcome.silent,
    }
