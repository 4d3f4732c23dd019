"""The operations overview: the whole fleet, its dispatches and alarms on one page.

Made once a second by the worker that has the fleet in memory, left in Valkey for the web
processes and sent to the browsers. Nothing here is a record; it is made anew every second.
"""

from typing import Any

import numpy as np
import orjson

from derms.accounts.scopes import SANDBOX_MRID
from derms.accounts.selectors import find_organisation_id
from derms.alarms import selectors as alarms
from derms.core import clock, valkey
from derms.core.actors import Actor
from derms.core.errors import BusyError
from derms.devices.choices import DeviceKind, LifecycleState
from derms.devices.fleet import Fleet, get_fleet
from derms.devices.selectors.columns import LIFECYCLE_CODES
from derms.live import topics
from derms.live.services import push_tick
from derms.southbound import selectors as southbound
from dispatch.selectors.summary import summary as dispatch_summary
from groups.rules.aggregate import aggregate
from groups.services.statuses import member_columns

TOPIC = "overview"
_KEY = "derms:overview"
_KEEP_S = 30
_SUMS = (
    "active_power_w", "reactive_power_var", "available_max_w", "available_min_w",
    "installed_max_w", "installed_min_w", "energy_wh", "energy_capacity_wh", "coverage_pct",
)  # fmt: skip


def _fleet_totals(fleet: Fleet) -> dict[str, Any]:
    columns = fleet.columns
    counted = columns.lifecycle != LIFECYCLE_CODES[LifecycleState.RETIRED]
    # The sandbox of the partner bench is no part of the utility.
    sandbox = find_organisation_id(SANDBOX_MRID) or -1
    present = np.flatnonzero(counted & (columns.owner_id != sandbox))
    total = aggregate(member_columns(fleet), present, np.array([0, len(present)]))
    by_kind = np.bincount(columns.kind[present], minlength=len(DeviceKind.values))
    return {name: float(getattr(total, name)[0]) for name in _SUMS} | {
        "devices": {
            "total": len(present),
            "good": int(total.good[0]),
            "stale": int(total.stale[0]),
            "lost": southbound.count_lost(besides=columns.id[columns.owner_id == sandbox]),
            "stale_last_w": float(total.stale_last_w[0]),
            "by_kind": dict(zip(DeviceKind.values, by_kind.tolist(), strict=True)),
        }
    }


def make_overview() -> None:
    """Compute the overview, keep it for the web processes and send it to the browsers."""
    fleet = get_fleet()
    fleet.refresh()
    row = {
        "at": clock.now(),
        **_fleet_totals(fleet),
        "dispatches": dispatch_summary(),
        "alarms": alarms.count_open(),
    }
    body = orjson.dumps(row, option=orjson.OPT_UTC_Z)
    valkey.client().set(_KEY, body, ex=_KEEP_S)
    push_tick(TOPIC, row)


def get_overview() -> dict[str, Any]:
    """Return the overview of the last second.

    Raises:
        BusyError: none was made within half a minute; the status worker does not run.
    """
    body = valkey.client().get(_KEY)
    if body is None:
        raise BusyError("The overview is not being computed: the status worker does not run")
    found: dict[str, Any] = orjson.loads(body)
    return found


def _snapshot(_args: dict[str, Any], _actor: Actor) -> dict[str, Any]:
    return get_overview()


def register_topic() -> None:
    """Let browsers watch the overview."""
    topics.register(topics.Topic(name=TOPIC, permission="overview.read", snapshot=_snapshot))
