"""The whole fleet as one columnar JSON document, for the list in the browser.

Built at most every few seconds for each scope and shared by all processes through Valkey.
"""

import datetime as dt
import gzip
import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import orjson
import redis
from numpy.typing import NDArray

from derms.accounts.scopes import SANDBOX_MRID
from derms.core import bulk, clock, valkey
from derms.core.quantities import Quantity
from derms.devices.choices import DeviceKind, LifecycleState
from derms.devices.selectors.columns import FIELDS, LatestColumns, latest_columns, read_columns
from derms.devices.selectors.live import is_stale
from derms.devices.selectors.register import Scope, owned_ids
from derms.grid.selectors import list_feeders

_FRESH_FOR_S = 5
_LINKS = ("up", "degraded", "down", "unknown")
_QUANTITIES = (Quantity.ACTIVE_POWER_W, Quantity.REACTIVE_POWER_VAR, Quantity.SOC_PCT)
_FIELDS = {name: FIELDS[name] for name in ("id", "kind", "lifecycle", "eligible", "feeder_id")} | {
    "poll_interval_s": FIELDS["poll_interval_s"],
    "rated_w": ("float64", "coalesce(greatest(n.rated_w, n.rated_charge_w), 0)"),
}
_FROM = """
FROM devices_enddevice d
LEFT JOIN devices_nameplate n ON n.device_id = d.id
LEFT JOIN grid_usagepoint u ON u.id = d.usage_point_id
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The document as it goes over the wire.

    Attributes:
        body: JSON, compressed by gzip.
        etag: Changes with the document.
    """

    body: bytes
    etag: str


def columns_snapshot(*, visible: Scope = None) -> Snapshot:
    """Return the devices of the organisations `visible` as columns, a few seconds old at most.

    Those of the sandbox are only in the columns of who sees nothing else.

    `{at, count, columns: {id, mrid, name, kind, feeder, lifecycle, eligible, link, rated_w,
    p_w, q_var, soc_pct, measured_at, quality}}`; unknown numbers are null, `measured_at` is in
    epoch seconds, `quality` is the number of `Quality`, `link` says how old the values are.
    """
    scope = "all" if visible is None else hashlib.sha256("|".join(sorted(visible)).encode())
    key = f"derms:devices:columns:{scope if isinstance(scope, str) else scope.hexdigest()}"
    kept = _kept(key)
    if kept is not None:
        return kept
    raw = orjson.dumps(_document(visible), option=orjson.OPT_SERIALIZE_NUMPY)
    made = Snapshot(
        body=gzip.compress(raw, compresslevel=1, mtime=0),
        etag=hashlib.blake2b(raw, digest_size=16).hexdigest(),
    )
    _keep(key, made)
    return made


def _kept(key: str) -> Snapshot | None:
    try:
        found = valkey.client().get(key)
    except redis.RedisError:
        return None
    return msgspec.msgpack.decode(found, type=Snapshot) if isinstance(found, bytes) else None


def _keep(key: str, made: Snapshot) -> None:
    try:
        valkey.client().set(key, msgspec.msgpack.encode(made), ex=_FRESH_FOR_S)
    except redis.RedisError:
        return


def _document(visible: Scope) -> dict[str, Any]:
    """Build the columns; fewer of them, and fewer joins, than `device_columns` has."""
    source = _FROM
    if visible is not None:
        source += f"WHERE d.id = ANY({bulk.int_list(_owned(visible))}::int4[])"
    elif (sandbox := owned_ids(SANDBOX_MRID)).size:
        source += f"WHERE d.id <> ALL({bulk.int_list(sandbox)}::int4[])"
    devices, mrids, names = read_columns(_FIELDS, source, "d.id")
    ids = devices["id"]
    latest = latest_columns(ids, quantities=_QUANTITIES)
    now = clock.now()
    feeders = {0: "", **dict(list_feeders().values_list("pk", "name"))}
    at = latest.measured_at.astype("int64") / 1e6
    return {
        "at": now,
        "count": len(ids),
        "columns": {
            "id": ids,
            "mrid": mrids,
            "name": names,
            "kind": _words(DeviceKind.values, devices["kind"]),
            "feeder": [feeders.get(key, "") for key in devices["feeder_id"].tolist()],
            "lifecycle": _words(LifecycleState.values, devices["lifecycle"]),
            "eligible": devices["eligible"],
            "link": _words(list(_LINKS), _link(devices["poll_interval_s"], latest, now)),
            "rated_w": devices["rated_w"],
            # A tenth is finer than any meter; digits nobody reads are half of the document.
            "p_w": latest.p_w.round(1),
            "q_var": latest.q_var.round(1),
            "soc_pct": latest.soc_pct.round(1),
            "measured_at": np.where(at > 0, at.round(1), np.nan),
            "quality": latest.quality,
        },
    }


def _words(words: list[str], codes: Any) -> list[str]:
    return [words[code] for code in codes.tolist()]


def _link(
    poll_interval_s: NDArray[np.int32], latest: LatestColumns, now: dt.datetime
) -> NDArray[np.int8]:
    """Return positions in `_LINKS`: values come, come late, stopped coming, never came."""
    moment = np.datetime64(now.replace(tzinfo=None), "us")
    late = is_stale(latest.measured_at, poll_interval_s, moment)
    gone = is_stale(latest.measured_at, 10 * poll_interval_s, moment)
    never = latest.measured_at.astype("int64") == 0
    return np.where(never, 3, late.astype("int8") + (late & gone)).astype("int8")


def _owned(visible: Scope) -> Any:
    sql = """
        SELECT d.id FROM devices_enddevice d JOIN accounts_organisation o ON o.id = d.owner_id
        WHERE o.mrid = ANY(%(visible)s::text[]) ORDER BY d.id
    """
    rows = bulk.execute(sql, {"visible": sorted(visible or ())}).fetchall()
    return np.array([row[0] for row in rows], dtype="int32")
