"""The one-second tick: aggregate every group, store the status, tell the browsers.

One process keeps the memberships as compressed rows over the fleet's positions and reads only
the groups whose revision changed. Everything it keeps can be rebuilt from PostgreSQL, so a
killed worker loses nothing but the time to load.
"""

import dataclasses
import datetime as dt
import threading
import time
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derms.core import bulk, clock
from derms.devices.fleet import Fleet, get_fleet
from derms.live import services as live
from groups import selectors
from groups.rules.aggregate import GroupColumns, MemberColumns, aggregate
from groups.services.watchers import Statuses, announce_statuses

Ints = NDArray[np.int64]

SAMPLE_S = 10
"""Every so often a status is kept for trends."""
HISTORY_DAYS = 7
_PAUSE_S = 0.5  # a tick that comes sooner was held up, and the one before it did its work
_COUNTED = ("connected", "disconnected", "running", "throttled", "fault")
_STORED = [f.name for f in dataclasses.fields(GroupColumns) if f.name not in _COUNTED]
_SAMPLED = ("active_power_w", "reactive_power_var", "available_max_w", "available_min_w",
            "soc_pct", "coverage_pct")  # fmt: skip
_NULLABLE = {"soc_pct", "voltage_v"}


def _sql_value(name: str) -> str:
    return f"nullif(new.{name}, 'NaN')" if name in _NULLABLE else f"new.{name}"


class StatusKeeper:
    """What the status worker remembers between two ticks. One instance per process."""

    def __init__(self, fleet: Fleet, *, pause_s: float = _PAUSE_S) -> None:
        self._pause_s = pause_s
        self._fleet = fleet
        self._lock = threading.Lock()
        self._revisions: dict[int, int] = {}
        self._members: dict[int, NDArray[np.int32]] = {}
        self._keys: Ints = np.zeros(0, dtype=np.int64)
        self._positions: Ints = np.zeros(0, dtype=np.int64)
        self._offsets: Ints = np.zeros(1, dtype=np.int64)
        self._fleet_size = 0
        self._ticked = float("-inf")
        self._sampled_at = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._last: dict[int, tuple[Any, ...]] = {}

    def tick(self) -> int:
        """Aggregate and store all groups once; return how many, 0 when it was just done."""
        with self._lock:
            if time.monotonic() - self._ticked < self._pause_s:
                return 0
            self._ticked = time.monotonic()
            self._fleet.refresh()
            self._follow_memberships()
            if not len(self._keys):
                return 0
            now = clock.now()
            status = aggregate(member_columns(self._fleet), self._positions, self._offsets)
            self._store(status, now)
            if (now - self._sampled_at).total_seconds() >= SAMPLE_S:
                self._sample(status, now)
            self._push()
            announce_statuses(Statuses(self._keys, status, now))
            return len(self._keys)

    def _follow_memberships(self) -> None:
        """Read the members of groups whose revision changed and lay the rows out anew."""
        revisions = selectors.revisions()
        changed = [key for key, rev in revisions.items() if self._revisions.get(key) != rev]
        grown = self._fleet_size != len(self._fleet)
        if not changed and len(revisions) == len(self._revisions) and not grown:
            return
        members = {key: self._members[key] for key in revisions if key in self._members}
        if changed:
            members |= selectors.member_ids_of_groups(changed)
        self._members, self._revisions = members, revisions
        self._fleet_size = len(self._fleet)
        positions = [self._fleet.index_of(members[key]) for key in sorted(members)]
        # A device this process has not seen yet comes with the fleet's next refresh.
        known = [rows[rows >= 0] for rows in positions]
        self._keys = np.array(sorted(members), dtype=np.int64)
        self._offsets = np.cumsum([0, *map(len, known)], dtype=np.int64)
        self._positions = np.concatenate([*known, np.zeros(0, dtype=np.int32)]).astype(np.int64)

    def _columns(self, status: GroupColumns, names: tuple[str, ...]) -> dict[str, Any]:
        return {"group_id": self._keys.astype(np.int32)} | {
            name: getattr(status, name) for name in names
        }

    def _store(self, status: GroupColumns, now: dt.datetime) -> None:
        columns = self._columns(status, (*_STORED, *_COUNTED))
        names = ", ".join(_STORED)
        counts = ", ".join(f"'{name}', new.{name}" for name in _COUNTED)
        bulk.execute(
            f"INSERT INTO groups_groupstatus (group_id, at, {names}, counts)"
            f" SELECT new.group_id, %(now)s::timestamptz, {', '.join(map(_sql_value, _STORED))},"
            f" jsonb_build_object({counts}) FROM {bulk.unnest(columns)}"
            # A group deleted since the last look is gone from the table's parents.
            " JOIN groups_dergroup g ON g.id = new.group_id AND g.deleted_at IS NULL"
            f" ON CONFLICT (group_id) DO UPDATE SET (at, {names}, counts) ="
            f" (EXCLUDED.at, {', '.join(f'EXCLUDED.{name}' for name in _STORED)}, EXCLUDED.counts)",
            {"now": now, **columns},
        )
        self._last = {
            key: tuple(values)
            for key, *values in zip(
                self._keys.tolist(),
                *(columns[name].tolist() for name in (*_STORED, *_COUNTED)),
                strict=True,
            )
        }  # fmt: skip
        self._at = now

    def _sample(self, status: GroupColumns, now: dt.datetime) -> None:
        columns = self._columns(status, _SAMPLED)
        bulk.execute(
            f"INSERT INTO groups_groupstatussample (group_id, at, {', '.join(_SAMPLED)})"
            f" SELECT new.group_id, %(now)s::timestamptz, {', '.join(map(_sql_value, _SAMPLED))}"
            f" FROM {bulk.unnest(columns)}",
            {"now": now, **columns},
        )
        self._sampled_at = now

    def _push(self) -> None:
        mrids = selectors.mrids(self._keys.tolist())
        rows = {mrid: self._row(mrid, self._last[key]) for key, mrid in mrids.items()}
        watched = live.watched("group")
        sandbox = set(selectors.sandbox_mrids()) & rows.keys()
        listed = [row for mrid, row in rows.items() if mrid not in sandbox]
        ticks: list[tuple[str, Any]] = [("groups", listed)]
        ticks += [(f"group:{mrid}", rows[mrid]) for mrid in watched & rows.keys()]
        live.push_ticks(ticks)

    def _row(self, mrid: str, values: tuple[Any, ...]) -> dict[str, Any]:
        named = dict(zip((*_STORED, *_COUNTED), values, strict=True))
        counts = {name: named.pop(name) for name in _COUNTED}
        for name in _NULLABLE:
            named[name] = None if np.isnan(named[name]) else named[name]
        return {"mrid": mrid, "at": self._at, **named, "counts": counts}


def member_columns(fleet: Fleet) -> MemberColumns:
    """Return the fleet as the aggregation takes it; arrays [n_devices]."""
    columns = fleet.columns
    bounds = fleet.limits()
    return MemberColumns(
        active_power_w=fleet.p_w,
        reactive_power_var=fleet.q_var,
        voltage_v=fleet.voltage_v,
        soc_pct=fleet.soc_pct,
        capacity_wh=np.nan_to_num(columns.rated_wh),
        min_w=bounds.min_w,
        max_w=bounds.max_w,
        min_var=bounds.min_var,
        max_var=bounds.max_var,
        rated_w=columns.rated_w,
        rated_charge_w=columns.rated_charge_w,
        rated_var_injected=columns.max_var_injected,
        rated_var_absorbed=columns.max_var_absorbed,
        good=fleet.good(),
        connection=columns.connection.astype(np.int64),
        operating=columns.operating.astype(np.int64),
    )


@cache
def _keeper() -> StatusKeeper:
    return StatusKeeper(get_fleet())


def refresh_statuses() -> int:
    """Aggregate and store the status of every group; called once a second."""
    return _keeper().tick()


def forget_history() -> int:
    """Delete status samples older than HISTORY_DAYS; return how many."""
    horizon = clock.now() - dt.timedelta(days=HISTORY_DAYS)
    cursor = bulk.execute(
        "DELETE FROM groups_groupstatussample WHERE at < %(horizon)s", {"horizon": horizon}
    )
    return cursor.rowcount
