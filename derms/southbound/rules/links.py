"""How the state of many links follows from one poll, as arrays.

Source: ours; three silent polls in a row are a loss of communication, so one lost packet wakes
nobody (ISA-18.2 on debouncing alarms).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN, UP, DEGRADED, DOWN = range(4)
LOST_AFTER = 3

Bool = NDArray[np.bool_]
Int = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class LinkChange:
    """Links after a poll, all arrays [n].

    Attributes:
        state: UNKNOWN, UP, DEGRADED or DOWN.
        failures: Silent polls in a row.
        lost: True where the link has just gone down.
        back: True where a link that was down answers again.
        changed: True where the state is another one than before.
    """

    state: NDArray[np.int8]
    failures: Int
    lost: Bool
    back: Bool
    changed: Bool


def next_links(*, state: NDArray[np.int8], failures: Int, answered: Bool) -> LinkChange:
    """Work out the links after a poll.

    Args:
        state: States before [n].
        failures: Silent polls in a row before [n].
        answered: True where the device answered this time [n].
    """
    count = np.where(answered, 0, failures + 1).astype("int32")
    silent = np.where(count >= LOST_AFTER, DOWN, np.where(state == DOWN, DOWN, DEGRADED))
    after = np.where(answered, UP, silent).astype("int8")
    return LinkChange(
        state=after,
        failures=count,
        lost=(after == DOWN) & (state != DOWN),
        back=answered & (state == DOWN),
        changed=after != state,
    )
