"""SunSpec registers to SI values and back; for the driver only, knows no connection.

Layouts come from the model definitions of the SunSpec Alliance (package pysunspec2), compiled
once into `struct` formats. Signs need no conversion: SunSpec models 701 to 715 count generation
as positive, as we do.

Source: SunSpec Device Information Model Specification 1.1 (types, not-implemented values, scale
factors) and SunSpec DER Information Model Specification 1.0 (models 701 to 715).
"""

import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sunspec2.device import get_model_def

from derms.core.errors import DriverError

SUNS = (0x5375, 0x6E53)
END_MODEL = 0xFFFF
MODELS = (1, 103, 701, 702, 703, 704, 713, 715)

type_formats: Mapping[str, tuple[str, int | None]] = {
    "uint16": ("H", 0xFFFF),
    "enum16": ("H", 0xFFFF),
    "bitfield16": ("H", 0xFFFF),
    "count": ("H", 0xFFFF),
    "raw16": ("H", None),
    "pad": ("H", None),
    "int16": ("h", -0x8000),
    "sunssf": ("h", -0x8000),
    "uint32": ("I", 0xFFFFFFFF),
    "enum32": ("I", 0xFFFFFFFF),
    "bitfield32": ("I", 0xFFFFFFFF),
    "acc32": ("I", 0),
    "int32": ("i", -0x80000000),
    "uint64": ("Q", 0xFFFFFFFFFFFFFFFF),
    "acc64": ("Q", 0),
    "int64": ("q", -0x8000000000000000),
}
"""struct format and not-implemented value of each SunSpec type; strings are apart."""


class BadReplyError(DriverError):
    """A reply that cannot be true: wrong length, header, scale factor or type."""

    code = "bad_reply"


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a model: where it lies [registers from the model's ID], how it is encoded."""

    name: str
    offset: int
    size: int
    form: str
    absent: int | None
    scale: str | None


@dataclass(frozen=True, slots=True)
class Block:
    """A span of registers of one model, with the points wanted from it.

    Attributes:
        model: SunSpec model id.
        offset: First register, counted from the model's ID register.
        size: Number of registers, at most 125 (one Modbus read).
        points: The wanted points in register order.
        form: Compiled struct covering the span; unwanted registers are skipped.
    """

    model: int
    offset: int
    size: int
    points: tuple[Point, ...]
    form: struct.Struct


@lru_cache
def points_of(model: int) -> Mapping[str, Point]:
    """Return the points of a model's fixed top group by name.

    Raises:
        BadReplyError: a type of the definition is not known to this codec.
    """
    points: dict[str, Point] = {}
    offset = 0
    for raw in get_model_def(model)["group"]["points"]:
        size = int(raw["size"])
        if raw["type"] == "string":
            form, absent = f"{2 * size}s", None
        elif raw["type"] in type_formats:
            form, absent = type_formats[raw["type"]]
        else:
            raise BadReplyError(f"model {model} has a point of type {raw['type']}", permanent=True)
        scale = raw.get("sf")
        points[raw["name"]] = Point(
            raw["name"], offset, size, form, absent, scale if isinstance(scale, str) else None
        )
        offset += size
    return points


@lru_cache
def block(model: int, *names: str) -> Block:
    """Compile the smallest span of registers that holds the named points of a model."""
    wanted = sorted((points_of(model)[name] for name in names), key=lambda p: p.offset)
    start, form, position = wanted[0].offset, ">", wanted[0].offset
    for point in wanted:
        form += f"{2 * (point.offset - position)}x{point.form}"
        position = point.offset + point.size
    return Block(model, start, position - start, tuple(wanted), struct.Struct(form))


def _text(raw: bytes) -> str:
    cleaned = raw.split(b"\0", 1)[0].decode("utf-8", errors="replace")
    return "".join(c for c in cleaned if c.isprintable()).strip()


def decode_raw(span: Block, registers: Sequence[int]) -> dict[str, int | str | None]:
    """Decode a block without scale factors.

    Args:
        span: The block that was read.
        registers: Exactly `span.size` registers, each 0..65535.

    Returns:
        Raw value by point name; None = not implemented by the device.

    Raises:
        BadReplyError: wrong number of registers, or a block of nothing but ones (bus idle).
    """
    if len(registers) != span.size:
        raise BadReplyError(f"model {span.model}: {len(registers)} registers, not {span.size}")
    if span.size > 4 and all(r == 0xFFFF for r in registers):
        raise BadReplyError(f"model {span.model}: every register reads 0xFFFF")
    values = span.form.unpack(struct.pack(f">{span.size}H", *registers))
    return {
        point.name: _text(value)
        if isinstance(value, bytes)
        else (None if value == point.absent else value)
        for point, value in zip(span.points, values, strict=True)
    }


def check_header(model: int, length: int, raw: Mapping[str, int | str | None]) -> None:
    """Check that a block still begins with its model's id and length.

    Raises:
        BadReplyError: it does not; the device's register map has moved.
    """
    if raw.get("ID") != model or raw.get("L") != length:
        raise BadReplyError(f"model {model} is no longer where it was: the register map has moved")


def decode_scales(span: Block, registers: Sequence[int]) -> dict[str, int]:
    """Decode the scale factors of a block; not-implemented ones are left out.

    Raises:
        BadReplyError: a scale factor outside -10..10.
    """
    scales: dict[str, int] = {}
    for name, value in decode_raw(span, registers).items():
        if not name.endswith("_SF") or value is None:
            continue
        if not isinstance(value, int) or not -10 <= value <= 10:
            raise BadReplyError(f"model {span.model}: scale factor {name} is {value}")
        scales[name] = value
    return scales


def scaled(
    span: Block, raw: Mapping[str, int | str | None], scales: Mapping[str, int]
) -> dict[str, float]:
    """Apply scale factors; points not implemented, or whose scale factor is not, are left out."""
    values: dict[str, float] = {}
    for point in span.points:
        value = raw[point.name]
        if not isinstance(value, int) or point.name.endswith("_SF"):
            continue
        if point.scale is None:
            values[point.name] = float(value)
        elif point.scale in scales:
            values[point.name] = _times_ten_to(value, scales[point.scale])
    return values


def _times_ten_to(value: float, power: int) -> float:
    # Dividing by a whole power of ten rounds once; multiplying by 0.1 would round twice.
    return value * 10.0**power if power >= 0 else value / 10.0**-power


def encode_point(model: int, name: str, value: float, scales: Mapping[str, int]) -> int:
    """Return the raw number of one point for an SI value, rounded to the nearest step.

    Raises:
        DriverError: not finite, no scale factor, or outside what the register can hold.
    """
    point = points_of(model)[name]
    if not math.isfinite(value):
        raise DriverError(f"{name} cannot be {value}", permanent=True, code="not_a_number")
    if point.scale is not None and point.scale not in scales:
        raise DriverError(f"{name} has no scale factor", permanent=True, code="no_scale_factor")
    raw = round(_times_ten_to(value, -scales[point.scale]) if point.scale else value)
    span = 2 ** (16 * point.size)
    low, high = (-span // 2, span // 2 - 1) if point.form.islower() else (0, span - 1)
    if not low <= raw <= high or raw == point.absent:
        raise DriverError(
            f"{name} = {value:g} does not fit its register", permanent=True, code="out_of_range"
        )
    return raw


def encode_span(model: int, values: Mapping[str, int]) -> tuple[int, list[int]]:
    """Encode neighbouring points as one write.

    Args:
        model: SunSpec model id.
        values: Raw value by point name; together they must cover a span without a hole.

    Returns:
        Offset of the first register from the model's ID, and the registers.

    Raises:
        ValueError: the points leave a hole, or need more than 123 registers.
    """
    points = sorted((points_of(model)[name] for name in values), key=lambda p: p.offset)
    registers: list[int] = []
    for point in points:
        if point.offset != points[0].offset + len(registers):
            raise ValueError(f"{point.name} does not follow the point before it")
        packed = struct.pack(f">{point.form}", values[point.name])
        registers += struct.unpack(f">{point.size}H", packed)
    if len(registers) > 123:
        raise ValueError("a Modbus write holds at most 123 registers")
    return points[0].offset, registers


def scale_names(model: int) -> Iterable[str]:
    """Return the names of a model's scale factors."""
    return [name for name in points_of(model) if name.endswith("_SF")]
