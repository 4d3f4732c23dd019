"""Usage of a group by quarter-hours: the sum over its members, each while it was one.

A selector in a module of its own; for the CIM door and REST.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from django.db import connection

from derms.core.errors import TooLargeError
from derms.core.quantities import Quantity
from derms.devices.rules.readings import Int64, microseconds
from derms.devices.selectors.usage import IntervalSums, interval_sums

MAX_MEANS = 10_000_000
"""Members times quarter-hours that one question may add up."""
INTERVAL = dt.timedelta(minutes=15)
_NEVER = np.datetime64("9999-01-01", "us").astype("int64")


@dataclass(frozen=True, slots=True)
class GroupUsage:
    """Usage of a group.

    Attributes:
        sums: Sums of the intervals in which any member was measured, arrays [n].
        members: How many members the group had at the start of each of them [n].
    """

    sums: IntervalSums
    members: Int64


def group_usage(
    group_pk: int, *, quantity: Quantity, start: dt.datetime, end: dt.datetime
) -> GroupUsage:
    """Return the sums of the quarter-hours that start in `[start, end)`.

    Raises:
        TooLargeError: more than MAX_MEANS values would have to be added up (CIM 3.1).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT device_id, lower(period), upper(period) FROM groups_membership"
            " WHERE group_id = %s AND period && tstzrange(%s, %s)",
            [group_pk, start, end],
        )
        rows = cursor.fetchall()
    if len(rows) * ((end - start) / INTERVAL) > MAX_MEANS:
        raise TooLargeError("The group is too large for so long a time; ask for less at once")
    ids = np.array([row[0] for row in rows], dtype="int32")
    since = np.array([microseconds(row[1]) for row in rows], dtype="int64")
    until = np.array([microseconds(row[2]) if row[2] else _NEVER for row in rows], dtype="int64")
    sums = interval_sums(ids, since, until, quantity=quantity, start=start, end=end)
    joined = np.searchsorted(np.sort(since), sums.start_at, side="right")
    left = np.searchsorted(np.sort(until), sums.start_at, side="right")
    return GroupUsage(sums, joined - left)
