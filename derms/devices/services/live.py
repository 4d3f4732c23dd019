"""Send new values to the browsers that look at them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from derms.devices import selectors
from derms.live import services as live


def push_rows(ids: NDArray[np.int32]) -> None:
    """Send the present values of those of the devices `ids` [n] that somebody looks at.

    Whole rows, read from the table of latest values: a delta then replaces the row in the
    browser, whatever part of it changed.
    """
    listed = live.watched("devices")
    opened = live.watched("device")
    if not listed and not opened:
        return
    keys = selectors.find_ids(sorted(listed | opened))
    changed = np.unique(keys[np.isin(keys, ids)])
    if not len(changed):
        return
    rows = selectors.live_rows(changed)
    ticks: list[tuple[str, Any]] = []
    in_list = [row for row in rows if row["mrid"] in listed]
    if in_list:
        ticks.append(("devices", in_list))
    in_page = [row["mrid"] for row in rows if row["mrid"] in opened]
    ticks += [(f"device:{mrid}", selectors.live_device(mrid)) for mrid in in_page]
    live.push_ticks(ticks)
