"""Batches of readings and statuses, and what is checked before they are stored.

For `services.readings`, the drivers' polling and the bulk REST door.
Source: ours; quality and sign as in `derms.core.quantities`.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derms.core.quantities import Quality, Quantity

Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_KNOWN_QUANTITIES = np.array(sorted(Quantity), dtype="int16")
# Rows as they travel in the live stream: 24 bytes, little endian.
STREAM_DTYPE = np.dtype(
    [("device_id", "<i4"), ("quantity", "<i2"), ("quality", "<i2"), ("at", "<i8"), ("value", "<f8")]
)


@dataclass(frozen=True, slots=True)
class ReadingBatch:
    """Readings of many devices, column by column, all arrays [n].

    Attributes:
        device_id: Primary keys of devices.
        quantity: `derms.core.quantities.Quantity` numbers.
        measured_at: Time of measurement, microseconds since 1970-01-01 UTC.
        value: SI base units, positive power = injection.
        quality: `Quality` numbers.
        source: One `ReadingSource` number for the whole batch.
    """

    device_id: Int32
    quantity: Int16
    measured_at: Int64
    value: Float64
    quality: Int16
    source: int

    def __post_init__(self) -> None:
        lengths = {len(column) for column in self.columns()}
        if len(lengths) != 1:
            raise ValueError("columns of a reading batch must be equally long")

    def __len__(self) -> int:
        return len(self.device_id)

    def columns(self) -> tuple[NDArray[Any], ...]:
        """Return the five arrays in the order of the attributes."""
        return (self.device_id, self.quantity, self.measured_at, self.value, self.quality)

    def take(self, rows: NDArray[Any]) -> "ReadingBatch":
        """Return the rows chosen by index or mask, in that order."""
        device_id, quantity, measured_at, value, quality = (c[rows] for c in self.columns())
        return ReadingBatch(device_id, quantity, measured_at, value, quality, self.source)

    def to_bytes(self) -> bytes:
        """Encode for the live stream (see `STREAM_DTYPE`)."""
        rows = np.empty(len(self), dtype=STREAM_DTYPE)
        names = STREAM_DTYPE.names or ()
        for name in names:
            rows[name] = self.measured_at if name == "at" else getattr(self, name)
        return rows.tobytes()


@dataclass(frozen=True, slots=True)
class StatusBatch:
    """What many devices said about their state, all arrays [n].

    Attributes:
        device_id: Primary keys of devices, each once.
        connection: `ConnectionState` numbers.
        operating: `OperatingState` numbers.
        alarm_bits: Alarm bits as the protocol gives them.
        local_control: True when the device refuses remote set points.
        contact_at: When it answered, microseconds since 1970-01-01 UTC.
    """

    device_id: Int32
    connection: Int16
    operating: Int16
    alarm_bits: Int64
    local_control: Bool
    contact_at: Int64

    def __len__(self) -> int:
        return len(self.device_id)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Rows of a batch refused for one reason.

    Attributes:
        code: `unknown_device`, `unknown_quantity`, `not_a_number`, `in_the_future`, `too_old`,
            `unknown_quality`.
        message: One sentence for the sender.
        rows: Row numbers in the batch as it was sent, ascending.
    """

    code: str
    message: str
    rows: Int64


def microseconds(value: dt.datetime) -> int:
    """Return an aware instant as microseconds since 1970-01-01 UTC, exactly."""
    return (value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def check_batch(
    batch: ReadingBatch, *, known: Bool, now_us: int, max_future_s: int, max_age_s: int
) -> tuple[Bool, list[Refusal]]:
    """Say which rows may be stored, and why the others may not.

    Args:
        batch: Readings [n].
        known: True where the device exists [n].
        now_us: Present time, microseconds since 1970-01-01 UTC.
        max_future_s: A row measured further ahead of `now_us` is refused.
        max_age_s: A row older than this is refused, its partition would be dropped at once.

    Returns:
        Mask of good rows [n]; refusals, each row in at most one.
    """
    reasons = (
        ("unknown_device", "There is no such device.", ~known),
        (
            "unknown_quantity",
            "The quantity is not one we keep.",
            ~np.isin(batch.quantity, _KNOWN_QUANTITIES),
        ),
        ("not_a_number", "The value is not a finite number.", ~np.isfinite(batch.value)),
        (
            "unknown_quality",
            "The quality is not one of ours.",
            (batch.quality < 0) | (batch.quality > max(Quality)),
        ),
        (
            "in_the_future",
            f"Measured more than {max_future_s} s ahead of our clock.",
            batch.measured_at > now_us + max_future_s * 1_000_000,
        ),
        (
            "too_old",
            "Older than the readings we keep.",
            batch.measured_at < now_us - max_age_s * 1_000_000,
        ),
    )
    good = np.ones(len(batch), dtype=bool)
    refusals = []
    for code, message, bad in reasons:
        rows = np.flatnonzero(bad & good)
        if len(rows):
            refusals.append(Refusal(code, message, rows))
            good[rows] = False
    return good, refusals


def newest_rows(batch: ReadingBatch) -> Int64:
    """Return the rows that hold the newest reading of each device and quantity.

    Sorted by device and quantity, so that concurrent writers lock rows in the same order. Of
    two rows for the same instant the first counts, as it does in the history.
    """
    n = len(batch)
    key = (batch.device_id.astype("int64") << 16) | batch.quantity
    if n < 2 or (key[1:] > key[:-1]).all():  # as polling sends them: nothing to sort
        return np.arange(n)
    # lexsort is stable; reversed input makes the first of equal rows come last and win.
    backwards = np.arange(n - 1, -1, -1)
    order = backwards[np.lexsort((batch.measured_at[backwards], key[backwards]))]
    last = np.ones(n, dtype=bool)
    last[:-1] = key[order][1:] != key[order][:-1]
    newest: Int64 = order[last]
    return newest
