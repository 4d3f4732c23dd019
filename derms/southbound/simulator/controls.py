"""What clients wrote: set points, enables, settings, and the timers that end them.

Each writable point is an array over the fleet in SI units, decoded once when written, so
that the physics reads plain numbers. For `plant.py` (reads) and `server.py` (writes).

Source: SunSpec DER Information Model Specification 1.0 (702-704, 715); IEEE 1547-2018
4.6 (limit and enter service), 5.3 (reactive power).
"""

import math
from dataclasses import dataclass

import numpy as np

from derms.southbound.simulator.image import Floats, Image
from derms.southbound.simulator.points import POINTS, Point, points_in

ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
DEVICE_FAILURE = 4


@dataclass(frozen=True, slots=True)
class Timed:
    """A function of model 704 that falls back by itself: its points by role."""

    name: str
    values: tuple[tuple[str, str], ...]

    @property
    def enabled(self) -> str:
        """Point that switches the function on."""
        return f"704.{self.name}Ena"

    @property
    def fallback_enabled(self) -> str:
        """Point the switch falls back to."""
        return f"704.{self.name}EnaRvrt"

    @property
    def duration(self) -> str:
        """Point with the time until it falls back [s]; 0 = never."""
        return f"704.{self.name}RvrtTms"

    @property
    def remaining(self) -> str:
        """Point that counts down [s]."""
        return f"704.{self.name}RvrtRem"


TIMED = (
    Timed("WMaxLimPct", (("704.WMaxLimPct", "704.WMaxLimPctRvrt"),)),
    Timed("WSet", (("704.WSet", "704.WSetRvrt"), ("704.WSetPct", "704.WSetPctRvrt"))),
    Timed("VarSet", (("704.VarSet", "704.VarSetRvrt"), ("704.VarSetPct", "704.VarSetPctRvrt"))),
    Timed(
        "PFWInj",
        (("704.PFWInj.PF", "704.PFWInjRvrt.PF"), ("704.PFWInj.Ext", "704.PFWInjRvrt.Ext")),
    ),
    Timed(
        "PFWAbs",
        (("704.PFWAbs.PF", "704.PFWAbsRvrt.PF"), ("704.PFWAbs.Ext", "704.PFWAbsRvrt.Ext")),
    ),
)
_FUNCTION_OF = {
    key: function
    for function in TIMED
    for key in (function.enabled, function.duration, *(point for point, _ in function.values))
}
_RATING_OF = {
    "702.WMax": "702.WMaxRtg", "702.VAMax": "702.VAMaxRtg", "702.VarMaxInj": "702.VarMaxInjRtg",
    "702.VarMaxAbs": "702.VarMaxAbsRtg", "702.WChaRteMax": "702.WChaRteMaxRtg",
    "702.WDisChaRteMax": "702.WDisChaRteMaxRtg",
}  # fmt: skip
_PERCENT_MAX = {
    "704.WMaxLimPct": 100.0, "704.WMaxLimPctRvrt": 100.0, "704.WSetPct": 100.0,
    "704.WSetPctRvrt": 100.0, "704.VarSetPct": 100.0, "704.VarSetPctRvrt": 100.0,
    "704.PFWInj.PF": 1.0, "704.PFWInjRvrt.PF": 1.0, "704.PFWAbs.PF": 1.0,
    "704.PFWAbsRvrt.PF": 1.0,
}  # fmt: skip
_WRITABLE = [point for point in POINTS.values() if point.writable]


class RefusedError(Exception):
    """The device answers a request with a Modbus exception."""

    def __init__(self, code: int) -> None:
        """Keep the Modbus exception code."""
        super().__init__(f"Modbus exception {code}")
        self.code = code


class Controls:
    """Writable points of all devices as float arrays [n], by `model.name`, SI units."""

    def __init__(self, image: Image, count: int) -> None:
        """Start every control at zero: nothing enabled."""
        self.image = image
        self.values: dict[str, Floats] = {point.key: np.zeros(count) for point in _WRITABLE}
        self.ratings: dict[str, Floats] = {}
        self.remaining: dict[str, Floats] = {f.remaining: np.zeros(count) for f in TIMED}
        self.local = np.zeros(count, bool)
        """Someone turned the switch at the device to local: remote writes are refused."""

    def __getitem__(self, key: str) -> Floats:
        """The array of one writable point."""
        return self.values[key]

    def preset(self, key: str, values: Floats | float) -> None:
        """Set a point of all devices as the factory does."""
        self.values[key][:] = values
        self.image.put(key, self.values[key])

    def check(self, row: int, column: int, raw: bytes) -> dict[str, float]:
        """Decode a write and decide whether the device takes it.

        Args:
            row: Device.
            column: First register after the base address.
            raw: Register values, big-endian.

        Returns:
            Decoded value of every point written, SI units.

        Raises:
            RefusedError: 2 not writable, 3 value or half a point, 4 device is in local mode.
        """
        decoded: dict[str, float] = {}
        covered = 0
        for point in points_in(column, len(raw) // 2):
            if not point.writable:
                raise RefusedError(ILLEGAL_ADDRESS)
            start = 2 * (point.column - column)
            part = raw[max(start, 0) : start + 2 * point.width]
            if start < 0 or len(part) < 2 * point.width:
                raise RefusedError(ILLEGAL_VALUE)
            decoded[point.key] = self._check_value(point, part, row)
            covered += point.width
        if covered != len(raw) // 2:
            raise RefusedError(ILLEGAL_ADDRESS)
        if self.local[row]:
            raise RefusedError(DEVICE_FAILURE)
        return decoded

    def _check_value(self, point: Point, raw: bytes, row: int) -> float:
        value = self.image.decode(point, raw, row)
        rating = _RATING_OF.get(point.key)
        largest = self.ratings[rating][row] if rating else _PERCENT_MAX.get(point.key, math.inf)
        legal = point.low is None or (point.high is not None and point.low <= value <= point.high)
        # NaN fails both comparisons: "not implemented" cannot be written.
        if not legal or not abs(value) <= largest or (rating and value <= 0):
            raise RefusedError(ILLEGAL_VALUE)
        return value

    def apply(self, row: int, column: int, raw: bytes, decoded: dict[str, float]) -> None:
        """Carry out a checked write: registers, arrays, and (re)start of reversion timers."""
        self.image.write(row, column, raw)
        for key, value in decoded.items():
            self.values[key][row] = value
        for function in {_FUNCTION_OF[key] for key in decoded if key in _FUNCTION_OF}:
            on = self.values[function.enabled][row] == 1
            self.remaining[function.remaining][row] = (
                self.values[function.duration][row] if on else 0.0
            )

    def count_down(self, elapsed_s: Floats) -> None:
        """Let reversion timers run; those that end put their fallback in force.

        Args:
            elapsed_s: Time since the last call by each device's own clock [s], [n].
        """
        for function in TIMED:
            remaining = self.remaining[function.remaining]
            running = remaining > 0
            if not running.any():
                continue
            remaining[running] -= elapsed_s[running]
            ended = np.flatnonzero(running & (remaining <= 0))
            if len(ended):
                remaining[ended] = 0.0
                self._revert(function, ended)

    def _revert(self, function: Timed, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        pairs = (*function.values, (function.enabled, function.fallback_enabled))
        for key, fallback in pairs:
            self.values[key][rows] = self.values[fallback][rows]
            self.image.put(key, self.values[key][rows], rows)
