"""Devices by name, and names of devices: what doors that speak in names need."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derms.core import bulk
from derms.devices.selectors.register import Scope, find_ids


def find_ids_by_name(names: Sequence[str], *, visible: Scope = None) -> NDArray[np.int32]:
    """Return the primary keys of devices by name or further name [n]; -1 where there is none.

    Args:
        names: Names [n].
        visible: Devices of other organisations count as unknown.
    """
    sql = """
        SELECT name, device_id FROM devices_enddevicename WHERE name = ANY(%(names)s::text[])
        UNION ALL SELECT name, id FROM devices_enddevice WHERE name = ANY(%(names)s::text[])
    """
    # A device's own name comes last, so it wins over another device's further name.
    known: dict[str, int] = dict(bulk.execute(sql, {"names": list(names)}).fetchall())
    found = np.fromiter((known.get(name, -1) for name in names), dtype="int32", count=len(names))
    if visible is not None:
        rows = np.flatnonzero(found > 0)
        found[rows] = find_ids(mrids_of(found[rows]), visible=visible)
    return found


def mrids_of(ids: NDArray[Any]) -> list[str]:
    """Return the mRIDs of devices by primary key, in the order asked; every key must exist."""
    sql = "SELECT id, mrid FROM devices_enddevice WHERE id = ANY(%(ids)s::int4[])"
    found = bulk.execute(sql, {"ids": np.asarray(ids, dtype="int32")}).fetchall()
    known: dict[int, str] = dict(found)
    return [known[key] for key in ids.tolist()]
