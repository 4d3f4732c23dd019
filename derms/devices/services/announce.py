"""Tell other rooms and the live side that devices were registered or changed."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from django.db import transaction

from derms.devices import stream
from derms.devices.events import DevicesChanged
from derms.events.services import publish


def announce_devices(ids: Sequence[int]) -> None:
    """Publish the fact now, and the keys to the live stream on commit; nothing when empty."""
    if not ids:
        return
    publish(DevicesChanged(count=len(ids)))
    body = np.asarray(ids, dtype="<i4").tobytes()
    transaction.on_commit(partial(stream.append, "devices", body))
