"""Which devices an API client reaches: where its grants name groups, their members alone.

For controls of single devices and questions for readings of single devices.
"""

import numpy as np
from numpy.typing import NDArray

from derms.accounts.rules.grants import granted_groups
from derms.core.actors import Actor
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
