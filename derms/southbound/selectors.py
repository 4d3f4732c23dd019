"""Reads of the southbound room: the journal of commands, links, poll runs."""

import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from derms.core import bulk
from derms.southbound.choices import LinkState
from derms.southbound.contract import CommandState
from derms.southbound.models import DeviceCommand, DeviceLink, ShardRun


@dataclass(frozen=True, slots=True)
class LatestCommands:
    """The newest command of an origin per device, by device key, all arrays [n].

    Attributes:
        device_id: Primary keys of devices, ascending.
        revision: Revision of the newest command.
        kind: `CommandKind` numbers.
        value: Set point or limit, W or var, positive = injection.
        state: `CommandState` numbers.
    """

    device_id: NDArray[np.int32]
    revision: NDArray[np.int32]
    kind: NDArray[np.int16]
    value: NDArray[np.float64]
    state: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.device_id)


def command_states(origin: uuid.UUID, *, revision: int | None = None) -> dict[str, int]:
    """Count the commands of an origin by state (`active`, `failed`, ...).

    Args:
        origin: mRID of what caused them.
        revision: Only this revision; None = all.
    """
    rows = bulk.execute(
        """
        SELECT state, count(*) FROM southbound_devicecommand
        WHERE origin = %(origin)s AND (%(revision)s::int4 IS NULL OR revision = %(revision)s)
        GROUP BY state
        """,
        {"origin": origin, "revision": revision},
    ).fetchall()
    return {CommandState(state).name.lower(): count for state, count in rows}


def latest_commands(origin: uuid.UUID) -> LatestCommands:
    """Return the newest command of an origin per device."""
    query = (
        "SELECT DISTINCT ON (device_id) device_id, revision, kind, value, state "
        f"FROM southbound_devicecommand WHERE origin = '{uuid.UUID(str(origin))}' "
        # Backwards, so that the unique index delivers the order.
        "ORDER BY device_id DESC, revision DESC"
    )
    columns = {
        "device_id": "int32",
        "revision": "int32",
        "kind": "int16",
        "value": "float64",
        "state": "int16",
    }
    found = bulk.copy_out(query, columns)
    return LatestCommands(**{name: values[::-1] for name, values in found.items()})


def list_outcomes(origin: uuid.UUID) -> list[tuple[int, int, int, str]]:
    """Return (device key, revision, `CommandState`, detail) of every settled command of an origin.

    For origins of few revisions, such as a control; detail says why it failed.
    """
    return bulk.execute(
        """
        SELECT device_id, revision, state, detail FROM southbound_devicecommand
        WHERE origin = %(origin)s AND state NOT IN (1, 2, 3, 4, 11)
        """,
        {"origin": origin},
    ).fetchall()


def list_commands(
    *,
    device_id: int | None = None,
    origin: uuid.UUID | None = None,
    state: CommandState | None = None,
    visible: Any = None,
) -> QuerySet[DeviceCommand]:
    """Return commands, newest first, narrowed by what is given.

    Args:
        device_id: Key of a device.
        origin: mRID of what caused them.
        state: Their state now.
        visible: Keys of the devices the caller may see, values or a query; None = all.
    """
    wanted: dict[str, Any] = {
        "device_id": device_id,
        "origin": origin,
        "state": state,
        "device_id__in": visible,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    return DeviceCommand.objects.filter(**given).order_by("-id")


def link_states(ids: NDArray[Any]) -> NDArray[np.str_]:
    """Return the link state of devices [n], `unknown` where none has been polled yet."""
    keys = np.asarray(ids, dtype="int32")
    sql = (
        "SELECT device_id, state FROM southbound_devicelink WHERE device_id = ANY(%(ids)s::int4[])"
    )
    known: dict[int, str] = dict(bulk.execute(sql, {"ids": keys}).fetchall())
    return np.array([known.get(key, LinkState.UNKNOWN.value) for key in keys.tolist()], dtype="U10")


def list_links(*, state: str | None = None, visible: Any = None) -> QuerySet[DeviceLink]:
    """Return links by device key, narrowed by state and to the devices the caller may see."""
    wanted = {"state": state, "device_id__in": visible}
    given = {name: value for name, value in wanted.items() if value is not None}
    return DeviceLink.objects.filter(**given).order_by("device_id")


def list_shard_runs() -> list[ShardRun]:
    """Return the last poll run of every shard and rate."""
    return list(ShardRun.objects.order_by("shard", "rate_s"))


def count_waiting() -> dict[str, float]:
    """Return how much waits: `queued`, `open`, and `oldest_s`, the age of the oldest queued."""
    row = bulk.execute(
        """
        SELECT count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state <> 1),
            coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE state = 1)), 0)
        FROM southbound_devicecommand WHERE state = 1 OR state IN (2, 3, 4, 11)
        """
    ).fetchone()
    queued, unsettled, oldest_s = row or (0, 0, 0)
    return {"queued": queued, "open": unsettled, "oldest_s": float(oldest_s)}


def count_links_by_protocol(*, besides_owner: int) -> list[dict[str, Any]]:
    """Return how the links to registered devices stand: rows of protocol, state and devices.

    Args:
        besides_owner: Key of an organisation whose devices do not count.
    """
    rows = bulk.execute(
        """
        SELECT d.protocol, coalesce(l.state, 'unknown'), count(*)
        FROM devices_enddevice d LEFT JOIN southbound_devicelink l ON l.device_id = d.id
        WHERE d.lifecycle_state = 'registered' AND d.protocol <> '' AND d.owner_id <> %(owner)s
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        {"owner": besides_owner},
    ).fetchall()
    return [dict(zip(("protocol", "state", "devices"), row, strict=True)) for row in rows]


def count_lost(*, besides: NDArray[Any]) -> int:
    """Return how many devices have a link that is down, not counting these devices [n]."""
    down = DeviceLink.objects.filter(state=LinkState.DOWN)
    return down.exclude(device_id__in=besides.tolist()).count()
