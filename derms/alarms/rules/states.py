"""The state of an alarm, read off its three instants.

Source: ISA-18.2 alarm state diagram (normal, unacknowledged, acknowledged, returned to normal).
"""

import datetime as dt
from enum import StrEnum


class AlarmState(StrEnum):
    """ISA-18.2 states; the ones without latching, shelving and suppression."""

    UNACKNOWLEDGED_ACTIVE = "unacknowledged_active"
    ACKNOWLEDGED_ACTIVE = "acknowledged_active"
    UNACKNOWLEDGED_RETURNED = "unacknowledged_returned"
    NORMAL = "normal"


def state_of(acknowledged_at: dt.datetime | None, cleared_at: dt.datetime | None) -> AlarmState:
    """Return the state of an alarm that was raised and perhaps acknowledged and cleared."""
    if cleared_at is None:
        if acknowledged_at is None:
            return AlarmState.UNACKNOWLEDGED_ACTIVE
        return AlarmState.ACKNOWLEDGED_ACTIVE
    if acknowledged_at is None:
        return AlarmState.UNACKNOWLEDGED_RETURNED
    return AlarmState.NORMAL
