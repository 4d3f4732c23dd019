"""What the closed loop remembers of some members between rounds, as bytes of the dispatch row.

Only members that were held back and those with a remembered baseline have an entry, so a quiet
dispatch of 100,000 members stores nothing. Source: ours (ADR 0031).
"""

import numpy as np
from numpy.typing import NDArray

from dispatch.rules.allocation import FloatArray
from dispatch.rules.tracking import BoolArray

DTYPE = np.dtype([("device_id", "<i4"), ("held", "?"), ("baseline", "<f8")])


def encode(ids: NDArray[np.int32], held: BoolArray, baseline: FloatArray) -> bytes:
    """Return the entries of the members that have something to remember."""
    keep = np.flatnonzero(held | ~np.isnan(baseline))
    rows = np.empty(keep.size, dtype=DTYPE)
    rows["device_id"], rows["held"], rows["baseline"] = ids[keep], held[keep], baseline[keep]
    return rows.tobytes()


def decode(data: bytes, ids: NDArray[np.int32]) -> tuple[BoolArray, FloatArray]:
    """Return (held, baseline) of the members `ids`; False and NaN where nothing is remembered."""
    rows = np.frombuffer(data, dtype=DTYPE)
    held, baseline = np.zeros(ids.size, dtype=bool), np.full(ids.size, np.nan)
    if rows.size and ids.size:
        order = np.argsort(ids, kind="stable")
        place = np.searchsorted(ids, rows["device_id"], sorter=order).clip(max=ids.size - 1)
        at = order[place]
        known = ids[at] == rows["device_id"]
        held[at[known]], baseline[at[known]] = rows["held"][known], rows["baseline"][known]
    return held, baseline
