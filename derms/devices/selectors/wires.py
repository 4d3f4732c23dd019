"""Where devices are reached: for the southbound room, which polls and commands them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from derms.core import bulk


@dataclass(frozen=True, slots=True)
class PollTarget:
    """One device to poll.

    Attributes:
        id: Primary key.
        mrid: mRID.
        name: Name, for alarms.
        protocol: Southbound protocol.
        address: Wire address in that protocol.
        settings_due: Its settings were never read, or too long ago.
    """

    id: int
    mrid: str
    name: str
    protocol: str
    address: str
    settings_due: bool


@dataclass(frozen=True, slots=True)
class WireAddress:
    """How one device is reached; protocol "" for a device that is not on any wire.

    Attributes:
        protocol: Southbound protocol.
        address: Wire address in that protocol.
        commandable: It is registered and eligible for dispatch.
    """

    protocol: str
    address: str
    commandable: bool


def list_poll_targets(
    *,
    shard: int,
    shards: int,
    interval_s: tuple[int, int],
    settings_age: dt.timedelta,
) -> list[PollTarget]:
    """Return the devices of one shard with a poll interval in [low, high), by primary key.

    Args:
        shard: Number of the shard: primary key modulo `shards`.
        shards: Number of shards.
        interval_s: Half-open range of poll intervals [s].
        settings_age: Settings older than this are due.
    """
    rows = bulk.execute(
        """
        SELECT d.id, d.mrid, d.name, d.protocol, d.address,
            s.read_at IS NULL OR s.read_at < now() - %(age)s::interval
        FROM devices_enddevice d LEFT JOIN devices_devicesettings s ON s.device_id = d.id
        WHERE d.protocol <> '' AND d.address <> '' AND d.id %% %(shards)s = %(shard)s
          AND d.lifecycle_state IN ('registered', 'suspended')
          AND d.poll_interval_s >= %(low)s AND d.poll_interval_s < %(high)s
        ORDER BY d.id
        """,
        {
            "age": settings_age,
            "shard": shard,
            "shards": shards,
            "low": interval_s[0],
            "high": interval_s[1],
        },
    ).fetchall()
    return [PollTarget(*row) for row in rows]


def find_wires(ids: Sequence[int]) -> list[WireAddress]:
    """Return how devices are reached [n], in the order asked; unknown keys are on no wire."""
    rows = bulk.execute(
        """
        SELECT id, protocol, address, eligible AND lifecycle_state = 'registered'
        FROM devices_enddevice WHERE id = ANY(%(ids)s::int4[])
        """,
        {"ids": list(ids)},
    ).fetchall()
    known = {key: WireAddress(*rest) for key, *rest in rows}
    nowhere = WireAddress("", "", commandable=False)
    return [known.get(key, nowhere) for key in ids]
