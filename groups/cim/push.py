"""What partners are told about groups: their definition, members, status and usage.

Loaded in every process. Source: IEC 61968-5 figures 8, 9, 10 (DERGroups notifications) and 13
(status push); IEC 61968-9 MeterReadings.
"""

import datetime as dt
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from derms.accounts.rules.grants import granted_groups
from derms.accounts.scopes import SANDBOX_MRID, visible_organisations
from derms.accounts.selectors import actor_of_client
from derms.cim import periods
from derms.cim.envelope import render_operation_set
from derms.cim.pushing import Event, Subscription, backlogged, is_wanted, push, push_to, subscribers
from derms.core import clock
from derms.core.actors import Actor, ActorKind
from derms.devices.selectors.names import mrids_of
from groups import selectors
from groups.cim.der_group_statuses import render_statuses
from groups.cim.der_groups import render_changed, render_groups, render_identified
from groups.cim.meter_readings import render_usage
from groups.rules.aggregate import GroupColumns
from groups.rules.triggers import Now, Sent, Trigger, due
from groups.services.watchers import Definition, Statuses, definition_watchers, status_watchers

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_CHUNK = 250
"""Groups in one status or usage message."""
_USAGE = dt.timedelta(hours=2)
"""How far back usage is told: readings come late, and a later message corrects an earlier one."""


def tell_definition(change: Definition) -> None:
    """Tell the subscribers of DERGroups what became of a group.

    Members that left are told as an executed OperationSet that deletes them from the group.
    """
    if not is_wanted("DERGroups"):
        return
    group = change.group
    if change.left.size:
        removal = render_identified(group, mrids_of(change.left))
        parts = render_operation_set([("delete", True, removal)], "DERGroups")
        _tell(change, "OperationSet", "executed", parts)
    if change.verb == "created":
        _tell(change, "DERGroups", "created", render_groups([group]))
    elif change.verb == "deleted":
        _tell(change, "DERGroups", "deleted", render_identified(group))
    elif change.redefined or change.joined.size:
        _tell(change, "DERGroups", "changed", render_changed(group, mrids_of(change.joined)))


def _tell(change: Definition, noun: str, verb: str, payload: str) -> None:
    group, actor = change.group, change.actor
    event = Event(
        noun,
        verb,
        payload,
        groups=(group.mrid,),
        owners=(group.owner.mrid,),
        origin=actor.mrid if actor.kind == ActorKind.CLIENT else "",
    )
    push(event)


@dataclass(frozen=True, slots=True)
class _Known:
    """What one subscription has been told, and which of the groups it is about; arrays [n]."""

    scope: tuple[int, Actor | None]
    """Revision of the subscription, and its client with its roles and grants."""
    concerned: Bools
    sent: Sent


def _now(columns: GroupColumns) -> Now:
    """Return of all statuses what decides whether they are told again."""
    ratings = (columns.installed_max_w, columns.installed_min_w,
               columns.installed_max_var, columns.installed_min_var)  # fmt: skip
    available = (columns.available_max_w, columns.available_min_w)
    return Now(
        active_power_w=np.nan_to_num(columns.active_power_w),
        installed_w=np.maximum(np.abs(columns.installed_max_w), np.abs(columns.installed_min_w)),
        members=columns.members,
        good=columns.good,
        available_w=np.nan_to_num(np.column_stack(available)),
        ratings=np.nan_to_num(np.column_stack(ratings)),
    )


class StatusPusher:
    """Looks at all statuses once a second and tells each subscriber what it asked for.

    Lives in the status worker, whose arrays it compares; nothing is asked of the database for a
    group that has nothing to tell. What was told is kept in memory: after a restart every
    subscriber is told everything once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: Ints = np.zeros(0, dtype=np.int64)
        self._mrids: NDArray[np.object_] = np.zeros(0, dtype=object)
        self._owners: NDArray[np.object_] = np.zeros(0, dtype=object)
        self._known: dict[int, _Known] = {}

    def tell(self, statuses: Statuses) -> None:
        """Push what is due; returns at once when nobody subscribed."""
        subscriptions = subscribers("DERGroupStatuses")
        with self._lock:
            self._forget_others({subscription.pk for subscription in subscriptions})
            if not subscriptions:
                return
            self._follow(statuses.keys)
            columns, at_s = statuses.columns, time.monotonic()
            now = _now(columns)
            wanted = {s: self._due(s, now, at_s) for s in subscriptions}
            self._push({s: rows for s, rows in wanted.items() if rows.size}, now, at_s)

    def _forget_others(self, living: set[int]) -> None:
        self._known = {key: known for key, known in self._known.items() if key in living}

    def _follow(self, keys: Ints) -> None:
        """Lay everything remembered out anew when groups came or went; `keys` ascend."""
        if np.array_equal(keys, self._keys):
            return
        source = np.full(len(keys), -1, dtype=np.int64)
        if len(self._keys):
            place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
            source = np.where(self._keys[place] == keys, place, -1)
        found = selectors.owners(keys.tolist())
        pairs = [found.get(key, ("", "")) for key in keys.tolist()]
        self._mrids = np.array([mrid for mrid, _ in pairs], dtype=object)
        self._owners = np.array([owner for _, owner in pairs], dtype=object)
        self._keys = keys
        # A scope no subscription has makes `_due` ask anew which groups it is about.
        self._known = {
            key: _Known((-1, None), np.zeros(len(keys), dtype=np.bool_), known.sent.moved(source))
            for key, known in self._known.items()
        }

    def _due(self, subscription: Subscription, now: Now, at_s: float) -> Ints:
        known = self._known.get(subscription.pk)
        client = actor_of_client(subscription.partner.client, source="push")
        scope = (subscription.revision, client)
        if known is None or known.scope != scope:
            sent = known.sent if known else Sent.nothing(len(self._keys))
            known = _Known(scope, self._concerned(subscription, client), sent)
            self._known[subscription.pk] = known
        trigger = Trigger(
            on_change=subscription.on_change,
            change_w=subscription.change_w,
            change_pct=subscription.change_pct,
            on_state=subscription.on_state,
            min_interval_s=subscription.min_interval_s,
            period_s=subscription.period_s,
        )
        return np.flatnonzero(known.concerned & due(trigger, now, known.sent, at_s))

    def _concerned(self, subscription: Subscription, actor: Actor) -> Bools:
        """Return which groups a subscription is about and its client may see."""
        concerned: Bools = np.array(self._mrids != "", dtype=np.bool_)
        if subscription.groups:
            concerned &= np.isin(self._mrids, subscription.groups)
        visible = visible_organisations(actor)
        if visible is None:
            concerned &= self._owners != SANDBOX_MRID
        else:
            concerned &= np.isin(self._owners, list(visible))
        granted = granted_groups(actor, "DERGroupStatuses", "get")
        if granted is not None:
            concerned &= np.isin(self._mrids, list(granted))
        return concerned

    def _push(self, wanted: dict[Subscription, Ints], now: Now, at_s: float) -> None:
        if not wanted:
            return
        waiting = backlogged(subscription.pk for subscription in wanted)
        rendered: dict[bytes, Event] = {}
        for subscription, rows in wanted.items():
            if subscription.pk in waiting:
                continue
            for start in range(0, len(rows), _CHUNK):
                chunk = rows[start : start + _CHUNK]
                event = rendered.get(chunk.tobytes()) or self._event(chunk)
                rendered[chunk.tobytes()] = event
                if event.payload:
                    push_to([subscription], event)
                self._known[subscription.pk].sent.note(chunk, now, at_s)

    def _event(self, rows: Ints) -> Event:
        found = selectors.with_status(self._keys[rows].tolist())
        groups = tuple(group.mrid for group, _ in found)
        return Event("DERGroupStatuses", "changed", render_statuses(found), groups)


def render_recent_usage(actor: Actor, groups: Sequence[str]) -> list[Event]:
    """Return the quarter-hours of the last two hours of the groups, as far as they are over."""
    end = clock.now()
    found = selectors.list_groups(actor=actor, noun="MeterReadings")
    rows = list(found.filter(mrid__in=groups) if groups else found)
    events = []
    for first in range(0, len(rows), _CHUNK):
        chunk = rows[first : first + _CHUNK]
        payload = render_usage(chunk, end - _USAGE, end)
        events.append(
            Event("MeterReadings", "created", payload, tuple(group.mrid for group in chunk))
        )
    return events


definition_watchers.append(tell_definition)
periods.register("MeterReadings", render_recent_usage)
status_watchers.append(StatusPusher().tell)
