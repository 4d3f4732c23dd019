"""Builders of MeterReadings messages, written apart from the product's own renderers."""

from tests.cim.messages import header

BASE = "http://iec.ch/TC57/2011/"
FORWARD_KWH = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.3.72.0"
REVERSE_KWH = "0.0.2.4.19.1.12.0.0.0.0.0.0.0.0.3.72.0"
NET_W = "0.0.0.12.4.1.37.0.0.0.0.0.0.0.0.0.38.0"
REVERSE_W = "0.0.0.12.19.1.37.0.0.0.0.0.0.0.0.0.38.0"
VOLTAGE = "0.0.0.12.0.1.54.0.0.0.0.0.0.0.0.0.29.0"


def names(name, kind=""):
    kind = f"<NameType><name>{kind}</name></NameType>" if kind else ""
    return f"<Names><name>{name}</name>{kind}</Names>"


def qualities(*codes):
    return "".join(
        f'<ReadingQualities><ReadingQualityType ref="{code}"/></ReadingQualities>' for code in codes
    )


def interval(at, value, *quality):
    """One IntervalReadings; `value` None leaves the value out."""
    value = "" if value is None else f"<value>{value}</value>"
    return (
        f"<IntervalReadings><timeStamp>{at}</timeStamp>{value}{qualities(*quality)}"
        "</IntervalReadings>"
    )


def block(reading_type, *intervals):
    return (
        f'<IntervalBlocks>{"".join(intervals)}<ReadingType ref="{reading_type}"/></IntervalBlocks>'
    )


def single(reading_type, at, value, *quality):
    """One Readings."""
    return (
        f"<Readings><timeStamp>{at}</timeStamp><value>{value}</value>{qualities(*quality)}"
        f'<ReadingType ref="{reading_type}"/></Readings>'
    )


def meter_reading(mrid="", name="", blocks="", readings=""):
    inner = (f"<mRID>{mrid}</mRID>" if mrid else "") + (names(name) if name else "")
    meter = f"<Meter>{inner}</Meter>" if inner else ""
    return f"<MeterReading>{blocks}{meter}{readings}</MeterReading>"


def created(*meter_readings, **ids):
    """A CreatedMeterReadings message."""
    return (
        f'<CreatedMeterReadings xmlns="{BASE}MeterReadingsMessage">'
        + header("created", "MeterReadings", **ids)
        + f'<Payload><MeterReadings xmlns="{BASE}MeterReadings#">{"".join(meter_readings)}'
        "</MeterReadings></Payload></CreatedMeterReadings>"
    )


def get(content, start="", end="", **ids):
    """A GetMeterReadings query; `start` and `end` are those of the Request."""
    times = (f"<StartTime>{start}</StartTime>" if start else "") + (
        f"<EndTime>{end}</EndTime>" if end else ""
    )
    return (
        f'<GetMeterReadingsRequestMessage xmlns="{BASE}GetMeterReadingsMessage">'
        + header("get", "MeterReadings", **ids)
        + f'<Request>{times}<GetMeterReadings xmlns="{BASE}GetMeterReadings#">{content}'
        "</GetMeterReadings></Request></GetMeterReadingsRequestMessage>"
    )


def device(mrid="", name=""):
    inner = (f"<mRID>{mrid}</mRID>" if mrid else "") + (names(name) if name else "")
    return f"<EndDevice>{inner}</EndDevice>"


def group(mrid="", name=""):
    inner = (f"<mRID>{mrid}</mRID>" if mrid else "") + (names(name) if name else "")
    return f"<EndDeviceGroup>{inner}</EndDeviceGroup>"


def types(*codes):
    return "".join(f"<ReadingType><mRID>{code}</mRID></ReadingType>" for code in codes)
