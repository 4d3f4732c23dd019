"""MeterReadings to columns without a Python step per reading: libxslt takes the message apart.

Source: IEC 61968-9 MeterReadings profile; section 1 of docs/standards/61968-9.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from derms.cim.parts import read_instant
from derms.core.errors import DermsError, TooLargeError
from derms.devices.rules.reading_types import read_qualities
from derms.devices.rules.readings import Float64, Int16, Int32, Int64, microseconds

MAX_READINGS = 250_000
"""Readings in one message."""
NO_INSTANT = np.iinfo(np.int64).min
"""Time of a reading that has none, or one no calendar knows."""
_FIELDS = 3
_SEPARATOR, _BEHIND_HEADS = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class ReadingColumns:
    """The readings of a message, all arrays [n], in the order of the message.

    Attributes:
        meter: Index of the MeterReading element.
        codes: The different reading types, as written.
        kind: Index into `codes`.
        at: Time stamp, microseconds since 1970-01-01 UTC, or `NO_INSTANT`.
        value: As written; NaN where there is none.
        quality: `Quality` numbers; -1 where a reading quality is none we know.
    """

    meter: Int32
    codes: tuple[str, ...]
    kind: Int32
    at: Int64
    value: Float64
    quality: Int16

    def __len__(self) -> int:
        return len(self.meter)


@cache
def _stylesheet() -> etree.XSLT:
    parser = etree.XMLParser(no_network=True, resolve_entities=False)
    sheet = etree.parse(Path(__file__).with_name("meter_readings.xsl"), parser)
    return etree.XSLT(sheet)


def read_columns(content: etree._Element) -> ReadingColumns:
    """Return the readings of a `MeterReadings` element that is schema-valid.

    Raises:
        TooLargeError: more than MAX_READINGS (3.1).
    """
    heads, _, rest = str(_stylesheet()(content)).partition(_BEHIND_HEADS)
    fields = rest.split(_SEPARATOR)
    fields.pop()  # behind the last separator
    if len(fields) > MAX_READINGS * _FIELDS:
        raise TooLargeError(f"A message has at most {MAX_READINGS} readings")
    at, value, quality = (fields[place::_FIELDS] for place in range(_FIELDS))
    blocks = [head.split(" ", 2) for head in heads.split(_SEPARATOR)[:-1]]
    codes = {code: place for place, code in enumerate(dict.fromkeys(code for *_, code in blocks))}
    count = np.array([int(count) for _, count, _ in blocks], dtype="int64")
    meter = np.array([int(number) for number, *_ in blocks], dtype="int32")
    kind = np.array([codes[code] for *_, code in blocks], dtype="int32")
    return ReadingColumns(
        meter=np.repeat(meter, count),
        codes=tuple(code.strip() for code in codes),
        kind=np.repeat(kind, count),
        at=_mapped(at, _instant, "int64"),
        value=_values(value),
        quality=_mapped(quality, read_qualities, "int16"),
    )


def _mapped(texts: Sequence[str], read: Callable[[str], int], dtype: str) -> NDArray[Any]:
    """Read each different text once: instants and qualities repeat from meter to meter."""
    known = {text: read(text) for text in dict.fromkeys(texts)}
    return np.fromiter(map(known.__getitem__, texts), dtype=dtype, count=len(texts))


def _values(texts: Sequence[str]) -> Float64:
    """Return xs:floats, NaN for empty text."""
    try:
        return np.fromiter(map(float, texts), dtype="float64", count=len(texts))
    except ValueError:  # values are missing
        return np.array([float(text or "nan") for text in texts])


def _instant(text: str) -> int:
    try:
        return microseconds(read_instant(text.strip(), "timeStamp"))
    except DermsError:
        return int(NO_INSTANT)
