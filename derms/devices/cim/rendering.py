"""MeterReadings that go out: markup of intervals and single readings, values in the asked type.

For the devices of this room and the groups of the room above.
Source: IEC 61968-9 MeterReadings profile; sections 1 and 2 of docs/standards/61968-9.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from derms.cim import names
from derms.cim.markup import leaf, node
from derms.cim.parts import CimName, render_names
from derms.devices.rules.reading_types import ReadingType
from derms.devices.rules.readings import Float64, Int64

_SOURCE = "DERMS"


@dataclass(frozen=True, slots=True)
class Shown:
    """Readings of one type as they go out, all [n].

    Attributes:
        type: Their reading type.
        at: Time stamps, microseconds since 1970-01-01 UTC; the end of an interval.
        value: In the unit of the type.
        quality: Codes of reading qualities.
        comment: A word about each quality; empty for none.
    """

    type: ReadingType
    at: Int64
    value: Float64
    quality: Sequence[str]
    comment: Sequence[str]


def in_type(kind: ReadingType, value: Float64) -> Float64:
    """Return our values (SI, positive = injection) in the unit and direction of a type [n]."""
    found = value / kind.factor
    if kind.one_way:
        found = np.maximum(found, 0.0)
    return found + 0.0  # no negative zeros


def render_meter(mrid: str, meter_names: Iterable[CimName]) -> str:
    """Return the `Meter` element."""
    return node("Meter", leaf("mRID", mrid), render_names(meter_names))


def render_meter_reading(meter: str, shown: Iterable[Shown]) -> str:
    """Return a `MeterReading`: types with a period as IntervalBlocks, the others as Readings."""
    told = [each for each in shown if len(each.at)]
    blocks = [_block(each) for each in told if each.type.period_s]
    singles = [_singles(each) for each in told if not each.type.period_s]
    return node("MeterReading", *blocks, meter, *singles)


def render_meter_readings(meter_readings: Sequence[str]) -> str:
    """Return the `MeterReadings` payload; empty for none."""
    if not meter_readings:
        return ""
    return node("MeterReadings", *meter_readings, xmlns=names.profile("MeterReadings"))


def _block(shown: Shown) -> str:
    readings = [f"<IntervalReadings>{reading}</IntervalReadings>" for reading in _readings(shown)]
    return node("IntervalBlocks", *readings, node("ReadingType", ref=shown.type.code))


def _singles(shown: Shown) -> str:
    kind = node("ReadingType", ref=shown.type.code)
    return "".join(f"<Readings>{reading}{kind}</Readings>" for reading in _readings(shown))


def _readings(shown: Shown) -> Iterable[str]:
    """Yield source, timeStamp, value and ReadingQualities of each reading."""
    stamps = np.datetime_as_string(shown.at.view("M8[us]"), unit="ms", timezone="UTC").tolist()
    rows = zip(stamps, shown.value.tolist(), shown.quality, shown.comment, strict=True)
    for at, value, quality, comment in rows:
        said = node(
            "ReadingQualities",
            leaf("comment", comment or None),
            node("ReadingQualityType", ref=quality),
        )
        yield (
            f"<source>{_SOURCE}</source><timeStamp>{at}</timeStamp><value>{value!r}</value>{said}"
        )
