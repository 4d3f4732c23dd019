"""Which dispatch has which device when several want it.

Priority decides (1 before 5), then the later one. Dispatches of the same group and parameter
exclude each other; those of other groups only lose the devices they share. Source: ours, ADR 0033.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, order=True)
class Rank:
    """Sorts dispatches, the strongest first; `serial` counts up with acceptance."""

    priority: int
    lateness: int

    @staticmethod
    def of(priority: int, serial: int) -> "Rank":
        """Return the rank of a dispatch by its priority and its serial number."""
        return Rank(priority, -serial)


def windows_overlap(
    start: dt.datetime, end: dt.datetime, other_start: dt.datetime, other_end: dt.datetime
) -> bool:
    """Tell whether two half-open windows [start, end) share an instant."""
    return start < other_end and other_start < end


def share_out(wants: Sequence[NDArray[np.int32]], ranks: Sequence[Rank]) -> list[NDArray[np.bool_]]:
    """Give every device to the strongest dispatch that wants it.

    Args:
        wants: Device keys each dispatch wants, arrays of any length, keys >= 0.
        ranks: Rank of each dispatch.

    Returns:
        For each dispatch which of its devices it has, bool arrays of the lengths of `wants`.
    """
    size = 1 + max((int(ids.max()) for ids in wants if ids.size), default=-1)
    taken = np.zeros(size, dtype=bool)
    result: list[NDArray[np.bool_]] = [np.zeros(0, dtype=bool)] * len(wants)
    for k in sorted(range(len(wants)), key=lambda k: ranks[k]):
        result[k] = ~taken[wants[k]]
        taken[wants[k]] = True
    return result
