"""The registers of the whole fleet as one matrix, and the coding of numbers into them.

For `controls.py`, `publish.py` and `server.py`.
"""

import numpy as np
import numpy.typing as npt

from derms.southbound.simulator.points import (
    BASE_ADDRESS,
    COLUMNS,
    END_COLUMN,
    END_MODEL,
    MARK,
    MODELS,
    NOT_IMPLEMENTED,
    POINTS,
    STORAGE_MODEL,
    Point,
)

Floats = npt.NDArray[np.float64]
Rows = slice | npt.NDArray[np.intp]
ALL: slice = slice(None)


class Image:
    """Registers [n_devices, COLUMNS], big-endian as they go over the wire."""

    def __init__(self, stores: npt.NDArray[np.bool_]) -> None:
        """Lay out the map; points nobody sets read "not implemented".

        Args:
            stores: bool [n_devices], the device has model 713.
        """
        self.registers = np.zeros((len(stores), COLUMNS), dtype=">u2")
        self.length = np.where(stores, END_COLUMN[True], END_COLUMN[False]) + 2
        self.factors: dict[str, Floats] = {}
        self._bytes = self.registers.data.cast("B")
        self.registers[:, 0:2] = np.frombuffer(MARK, ">u2")
        for model, (start, length) in MODELS.items():
            self.registers[:, start : start + 2] = (model, length)
        for point in POINTS.values():
            self._store(point.column, point.width, _absent(point), ALL)
        plain = ~stores
        start = MODELS[STORAGE_MODEL][0]
        self.registers[plain, start:] = 0
        self.registers[plain, start] = END_MODEL
        self.registers[stores, END_COLUMN[True]] = END_MODEL

    def set_factor(self, key: str, exponent: npt.NDArray[np.int64] | int, rows: Rows = ALL) -> None:
        """Set a scale factor point; must precede `put` of points using it.

        Args:
            key: `model.name`.
            exponent: one number for all devices or int [n_devices].
            rows: devices that have the point.
        """
        exponents = np.broadcast_to(np.asarray(exponent, np.int64), (len(self.registers),))
        self.factors[key] = np.power(10.0, exponents)
        point = POINTS[key]
        self._store(point.column, point.width, exponents[rows], rows)

    def put(self, key: str, values: npt.ArrayLike, rows: Rows = ALL) -> None:
        """Code a point of some devices.

        Args:
            key: `model.name`.
            values: one number, or float [n_rows]; SI units, NaN = not implemented. Numbers
                outside the range of the type are held at its ends, as a real device does.
            rows: which devices; points of model 713 only for those that have it.
        """
        point = POINTS[key]
        self._store(point.column, point.width, self._code(point, values, rows), rows)

    def put_text(self, key: str, texts: list[str]) -> None:
        """Set a string point of all devices (ASCII, cut to the point's length)."""
        point = POINTS[key]
        for row, text in enumerate(texts):
            raw = text.encode("ascii", "replace")[: 2 * point.width].ljust(2 * point.width, b"\0")
            self.registers[row, point.column : point.column + point.width] = np.frombuffer(
                raw, ">u2"
            )

    def read(self, row: int, address: int, count: int) -> bytes | None:
        """Registers of one device as wire bytes; None when some lie outside its map."""
        column = address - BASE_ADDRESS
        if column < 0 or column + count > self.length[row]:
            return None
        start = 2 * (row * COLUMNS + column)
        return bytes(self._bytes[start : start + 2 * count])

    def write(self, row: int, column: int, raw: bytes) -> None:
        """Overwrite registers of one device; the caller has checked them."""
        self.registers[row, column : column + len(raw) // 2] = np.frombuffer(raw, ">u2")

    def decode(self, point: Point, raw: bytes, row: int) -> float:
        """Number of a point from its wire bytes, SI units; NaN = "not implemented" came."""
        number = int.from_bytes(raw, "big")
        if number == NOT_IMPLEMENTED[point.kind] and point.kind != "acc32":
            return float("nan")
        if point.signed:
            number = int.from_bytes(raw, "big", signed=True)
        return float(number * self.factors[point.scale][row]) if point.scale else float(number)

    def _code(self, point: Point, values: npt.ArrayLike, rows: Rows) -> npt.NDArray[np.int64]:
        numbers = np.asarray(values, np.float64)
        if point.scale:
            numbers = numbers / self.factors[point.scale][rows]
        bits = 16 * point.width
        # Counters of 64 bit stay far below 2**62 here; the cap keeps the int64 arithmetic exact.
        high = 2.0 ** (bits - 1) - 1 if point.signed else 2.0 ** min(bits, 62) - 2
        low = -high if point.signed else 0.0
        absent = np.isnan(numbers)
        whole = np.rint(np.clip(np.where(absent, 0.0, numbers), low, high)).astype(np.int64)
        return np.where(absent, _absent(point), whole)

    def _store(self, column: int, width: int, numbers: npt.ArrayLike, rows: Rows) -> None:
        whole = np.asarray(numbers).astype(np.int64)
        for part in range(width):
            shift = 16 * (width - 1 - part)
            self.registers[rows, column + part] = (whole >> min(shift, 63)) & 0xFFFF


def _absent(point: Point) -> int:
    value = 0 if point.kind.startswith("string") else NOT_IMPLEMENTED[point.kind]
    return value - 2**64 if value >= 2**63 else value
