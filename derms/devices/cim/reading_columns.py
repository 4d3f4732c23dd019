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
_FIELDS = 5


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
    """Return the readings of a `MeterReadings` element.

    Raises:
        TooLargeError: more than MAX_READINGS (3.1).
    """
    fields = str(_stylesheet()(content)).split("\t")
    fields.pop()  # behind the last tab
    count = len(fields) // _FIELDS
    if count > MAX_READINGS:
        raise TooLargeError(f"A message has at most {MAX_READINGS} readings")
    meter, kind, at, value, quality = (fields[place::_FIELDS] for place in range(_FIELDS))
    codes = tuple(dict.fromkeys(kind))
    places = {code: place for place, code in enumerate(codes)}
    return ReadingColumns(
        meter=np.fromiter(map(int, meter), dtype="int32", count=count),
        codes=codes,
        kind=_mapped(kind, places.__getitem__, "int32"),
        at=_mapped(at, _instant, "int64"),
        value=np.fromiter(map(float, (text or "nan" for text in value)), "float64", count),
        quality=_mapped(quality, read_qualities, "int16"),
    )


def _mapped(texts: Sequence[str], read: Callable[[str], int], dtype: str) -> NDArray[Any]:
    """Read each different text once: instants and qualities repeat from meter to meter."""
    known = {text: read(text) for text in dict.fromkeys(texts)}
    return np.fromiter(map(known.__getitem__, texts), dtype=dtype, count=len(texts))


def _instant(text: str) -> int:
    try:
        return microseconds(read_instant(text, "timeStamp"))
    except DermsError:
        return int(NO_INSTANT)
