"""Which devices an API client reaches: where its grants name groups, their members alone.

For controls of single devices and questions for readings of single devices.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from derms.accounts.rules.grants import granted_groups
from derms.core import bulk
from derms.core.actors import Actor
from derms.devices.selectors import find_ids
from groups.selectors import list_groups, shared_members

Ids = NDArray[np.int32]


def out_of_reach(ids: Ids, *, actor: Actor, noun: str, verb: str) -> Ids:
    """Return those of the device keys [n] to which the actor may not do something.

    Args:
        ids: Keys of devices.
        actor: Who asks.
        noun: Noun of the standard, e.g. `EndDeviceControls`.
        verb: Verb of the standard.
    """
    if granted_groups(actor, noun, verb) is None or not ids.size:
        return np.zeros(0, dtype="int32")
    groups = list_groups(actor=actor, noun=noun, verb=verb).values_list("pk", flat=True)
    reached = shared_members(list(groups), ids)
    return np.setdiff1d(ids, np.concatenate([np.zeros(0, dtype="int32"), *reached.values()]))


def groups_with(device_mrids: Sequence[str]) -> tuple[str, ...]:
    """Return the mRIDs of the live groups that have all of these devices as members now."""
    ids = np.unique(find_ids(device_mrids))
    rows = bulk.execute(
        "SELECT g.mrid FROM groups_membership m JOIN groups_dergroup g ON g.id = m.group_id"
        " WHERE upper_inf(m.period) AND g.deleted_at IS NULL AND m.device_id = ANY(%(ids)s::int4[])"
        " GROUP BY g.mrid HAVING count(*) = %(count)s ORDER BY g.mrid",
        {"ids": ids, "count": ids.size},
    )
    return tuple(mrid for (mrid,) in rows.fetchall())
