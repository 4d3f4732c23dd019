"""From the readings of meters to a batch we store: energies to mean powers, two directions to one.

The value of an interval is stamped with its end in the message; here it stands at the start of the
interval, or of each quarter-hour of a longer one, so that the roll-ups hold it whole.
Source: IEC 61968-9 IntervalReading; ADR 0051.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from derms.devices.rules.reading_types import INTERVAL_S, ReadingType
from derms.devices.rules.readings import Float64, Int16, Int32, Int64, ReadingBatch

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class MeterRows:
    """Readings as they stand in a message, all arrays [n].

    Attributes:
        device_id: Primary keys of devices.
        kind: Index of the reading type.
        at: Time stamp, microseconds since 1970-01-01 UTC; the end of an interval.
        value: In the unit of the reading type.
        quality: `Quality` numbers.
    """

    device_id: Int32
    kind: Int32
    at: Int64
    value: Float64
    quality: Int16

    def __len__(self) -> int:
        return len(self.device_id)


def assemble(
    rows: MeterRows, types: Sequence[ReadingType], source: int
) -> tuple[ReadingBatch, Int64]:
    """Return the batch to store, and for each of its rows the row of the message it came from.

    Readings of the two directions of one flow at one time are added up, the worse quality counts.
    A reading that stands twice in the message counts once.

    Args:
        rows: Readings [n].
        types: What `rows.kind` points at.
        source: `ReadingSource` number of the batch.

    Returns:
        Batch [m] and row numbers [m], ascending where nothing was spread.
    """
    factor = np.array([t.factor for t in types], dtype="float64")[rows.kind]
    period_s = np.array([t.period_s for t in types], dtype="int64")[rows.kind]
    quantity = np.array([t.quantity for t in types], dtype="int16")[rows.kind]
    times = np.maximum(period_s // INTERVAL_S, 1)
    origin = np.repeat(np.arange(len(rows)), times)
    nth = np.arange(len(origin)) - np.repeat(np.cumsum(times) - times, times)
    at = (rows.at - period_s * _MICRO)[origin] + nth * INTERVAL_S * _MICRO
    batch = ReadingBatch(
        device_id=rows.device_id[origin],
        quantity=quantity[origin],
        measured_at=at,
        value=(rows.value * factor)[origin],
        quality=rows.quality[origin],
        source=source,
    )
    return _joined(batch, rows.kind[origin], origin, types)


def _joined(
    batch: ReadingBatch, kind: Int32, origin: Int64, types: Sequence[ReadingType]
) -> tuple[ReadingBatch, Int64]:
    """Add up the two directions of a flow, each once."""
    if len(batch) < 2 or not any(t.one_way for t in types):
        return batch, origin
    one_way = np.array([t.one_way for t in types], dtype=bool)[kind]
    # Types of the same direction in other units are the same reading; the sign is its direction.
    reverse = np.array([t.factor > 0 for t in types], dtype=bool)[kind]
    rows = np.flatnonzero(one_way)
    key = (batch.device_id.astype("int64") << 16) | batch.quantity
    order = rows[np.lexsort((rows, reverse[rows], batch.measured_at[rows], key[rows]))]
    same = (np.diff(key[order]) == 0) & (np.diff(batch.measured_at[order]) == 0)
    if not same.any():
        return batch, origin
    twice = same & (np.diff(reverse[order].astype("int8")) == 0)
    single = order[np.concatenate(([True], ~twice))]
    same = (np.diff(key[single]) == 0) & (np.diff(batch.measured_at[single]) == 0)
    value, quality = batch.value.copy(), batch.quality.copy()
    first, second = single[:-1][same], single[1:][same]
    value[first] += value[second]
    quality[first] = np.where(
        (quality[first] < 0) | (quality[second] < 0),
        -1,
        np.maximum(quality[first], quality[second]),
    )
    keep = ~one_way
    keep[single] = True
    keep[second] = False
    joined = ReadingBatch(
        batch.device_id, batch.quantity, batch.measured_at, value, quality, batch.source
    )
    return joined.take(keep), origin[keep]
