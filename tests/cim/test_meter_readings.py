"""MeterReadings that come in: stored in SI with our sign, or refused row by row."""

import datetime as dt

import pytest
from django.test.utils import override_settings

from derms.audit.models import AuditRecord
from derms.cim.exchange import MAX_ITEMS
from derms.core import clock
from derms.core.actors import Role
from derms.core.quantities import Quality, Quantity
from derms.devices.cim import meter_readings
from derms.devices.models import EndDevice, EndDeviceName, LatestReading, Reading
from tests.cim import meter_messages as build
from tests.cim.conftest import Dms, make_devices
from tests.personas import system

PATH = "create/receiveMeterReadings"


def quarter(back=1):
    """The start of a quarter-hour that is over."""
    now = clock.now()
    start = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    return start - dt.timedelta(minutes=15 * back)


def stamp(at):
    return at.isoformat().replace("+00:00", "Z")


def end(start):
    """The time stamp of the quarter-hour that starts then."""
    return stamp(start + dt.timedelta(minutes=15))


def stored(quantity=Quantity.ACTIVE_POWER_W):
    rows = Reading.objects.filter(quantity=quantity).order_by("device_id", "measured_at")
    return [(row.measured_at, row.value, Quality(row.quality)) for row in rows]


@pytest.mark.parametrize(
    ("reading_type", "value", "expected_w"),
    [
        (build.FORWARD_KWH, 1.5, -6000.0),  # delivered to the customer: we absorb
        (build.REVERSE_KWH, 1.5, 6000.0),  # received from the customer: we inject
        ("0.0.2.4.4.1.12.0.0.0.0.0.0.0.0.0.72.0", 500, -2000.0),
        ("0.2.2.6.19.1.8.0.0.0.0.0.0.0.0.3.38.0", 2, 2000.0),
    ],
)
def test_interval_becomes_mean_power_at_its_start(dms_client, reading_type, value, expected_w):
    (mrid,) = make_devices(1)
    start = quarter()
    blocks = build.block(reading_type, build.interval(end(start), value, "1.0.0"))

    said = dms_client.post(PATH, build.created(build.meter_reading(mrid, blocks=blocks)))

    assert said.result == "OK", said.errors
    assert stored() == [(start, expected_w, Quality.GOOD)]


@pytest.mark.parametrize(
    ("reading_type", "quantity", "value", "expected"),
    [
        (build.NET_W, Quantity.ACTIVE_POWER_W, 700, -700.0),
        (build.REVERSE_W, Quantity.ACTIVE_POWER_W, 700, 700.0),
        ("0.0.0.12.1.1.37.0.0.0.0.0.0.0.0.3.63.0", Quantity.REACTIVE_POWER_VAR, 2, -2000.0),
        ("0.0.0.12.19.1.37.0.0.0.0.0.0.0.0.3.63.0", Quantity.REACTIVE_POWER_VAR, 2, 2000.0),
        (build.VOLTAGE, Quantity.VOLTAGE_V, 231.5, 231.5),
        ("0.0.0.6.0.1.15.0.0.0.0.0.0.0.0.-3.33.0", Quantity.FREQUENCY_HZ, 50010, 50.01),
        ("0.0.0.12.0.1.4.0.0.0.0.0.0.0.128.0.5.0", Quantity.CURRENT_A, 4, 4.0),
        ("0.0.0.1.1.1.12.0.0.0.0.0.0.0.0.3.72.0", Quantity.ENERGY_ABSORBED_WH, 12.5, 12500.0),
        ("0.0.2.9.19.2.12.0.0.0.0.0.0.0.0.3.72.0", Quantity.ENERGY_INJECTED_WH, 12.5, 12500.0),
    ],
)
def test_single_readings_keep_their_instant(dms_client, reading_type, quantity, value, expected):
    (mrid,) = make_devices(1)
    at = clock.now().replace(microsecond=0) - dt.timedelta(minutes=3)
    readings = build.single(reading_type, stamp(at), value)

    said = dms_client.post(PATH, build.created(build.meter_reading(mrid, readings=readings)))

    assert said.result == "OK", said.errors
    ((measured_at, kept, _),) = stored(quantity)
    assert measured_at == at
    assert kept == pytest.approx(expected)


def test_both_directions_of_an_interval_are_one_flow(dms_client):
    (mrid,) = make_devices(1)
    start = quarter()
    blocks = build.block(build.FORWARD_KWH, build.interval(end(start), 0.25, "1.0.0"))
    blocks += build.block(build.REVERSE_KWH, build.interval(end(start), 1.0, "2.8.0"))
    twice = build.block(build.REVERSE_KWH, build.interval(end(start), 7.0))

    said = dms_client.post(PATH, build.created(build.meter_reading(mrid, blocks=blocks + twice)))

    assert said.result == "OK", said.errors
    assert stored() == [(start, 3000.0, Quality.ESTIMATED)]


def test_an_hour_stands_in_each_of_its_quarters(dms_client):
    (mrid,) = make_devices(1)
    start = quarter(8)
    hourly = build.REVERSE_KWH.replace("0.0.2.", "0.0.7.")
    blocks = build.block(hourly, build.interval(stamp(start + dt.timedelta(hours=1)), 2.0))

    dms_client.post(PATH, build.created(build.meter_reading(mrid, blocks=blocks)))

    quarters = [start + dt.timedelta(minutes=15 * k) for k in range(4)]
    assert stored() == [(at, 2000.0, Quality.GOOD) for at in quarters]


def test_meter_is_found_by_a_further_name_of_the_device(dms_client):
    (mrid,) = make_devices(1)
    device = EndDevice.objects.get(mrid=mrid)
    EndDeviceName.objects.create(device=device, name="WT20069447", name_type="MeterUniqueID")
    readings = build.single(build.NET_W, stamp(quarter()), 1)

    said = dms_client.post(
        PATH, build.created(build.meter_reading("not-ours", "WT20069447", readings=readings))
    )

    assert said.result == "OK", said.errors
    assert Reading.objects.get().device_id == device.pk


def test_good_readings_among_bad_ones_are_stored_and_the_bad_told(dms_client):
    known, other = make_devices(2)
    at = stamp(quarter())
    future = stamp(clock.now() + dt.timedelta(days=1))
    old = stamp(clock.now() - dt.timedelta(days=4000))
    message = build.created(
        build.meter_reading(known, readings=build.single(build.NET_W, at, 5)),
        build.meter_reading("nobody", readings=2 * build.single(build.NET_W, at, 5)),
        build.meter_reading("", "no such name", readings=build.single(build.NET_W, at, 5)),
        build.meter_reading(readings=build.single(build.NET_W, at, 5)),
        build.meter_reading(
            other,
            blocks=build.block(build.FORWARD_KWH, build.interval(at, None)),
            readings=build.single(build.NET_W, future, 5)
            + build.single(build.NET_W, old, 5)
            + build.single(build.VOLTAGE, at, "NaN")
            + build.single(build.VOLTAGE, stamp(quarter(2)), 230, "1.99.0")
            + build.single("0.0.0.12.15.1.37.0.0.0.0.0.0.0.0.0.38.0", at, 5)
            + build.single("volts", at, 5)
            + build.single(build.NET_W, "9999-12-31T23:59:59-14:00", 5),
        ),
    )

    said = dms_client.post(PATH, message)

    assert said.result == "FAILED"  # a mixture, as DERMS_CIM_MIXED_RESULT says by default
    found = {(e["code"], e["id"], e["details"]) for e in said.errors}
    assert found == {
        ("2.4", "nobody", "There is no such meter: 2 readings refused"),
        ("2.4", "no such name", "There is no such meter: 1 reading refused"),
        ("2.4", None, "There is no such meter: 1 reading refused"),
        ("2.6", "volts", "volts is no reading type of eighteen numbers: 1 reading refused"),
        (
            "2.10",
            "0.0.0.12.15.1.37.0.0.0.0.0.0.0.0.0.38.0",
            "Reading type 0.0.0.12.15.1.37.0.0.0.0.0.0.0.0.0.38.0 is nothing this system keeps: "
            "1 reading refused",
        ),
        ("6.1", other, "The reading has no usable instant: 1 reading refused"),
        ("6.1", other, "The value is not a finite number: 2 readings refused"),
        ("6.1", other, "The quality is not one of ours: 1 reading refused"),
        ("6.1", other, "Measured more than 60 s ahead of our clock: 1 reading refused"),
        ("6.1", other, "Older than the readings we keep: 1 reading refused"),
    }
    assert [value for _, value, _ in stored()] == [-5.0]
    assert AuditRecord.objects.filter(action="cim.created_MeterReadings").count() == 1


@override_settings(CIM_MIXED_RESULT="PARTIAL")
def test_mixture_is_partial_by_setting(dms_client):
    (mrid,) = make_devices(1)
    readings = build.single(build.NET_W, stamp(quarter()), 5)

    said = dms_client.post(
        PATH,
        build.created(
            build.meter_reading(mrid, readings=readings),
            build.meter_reading("nobody", readings=readings),
        ),
    )

    assert (said.result, said.codes) == ("PARTIAL", ["2.4"])


def test_errors_of_one_reply_are_bounded(dms_client):
    readings = build.single(build.NET_W, stamp(quarter()), 5)
    meters = [build.meter_reading(f"nobody-{i}", readings=readings) for i in range(MAX_ITEMS + 50)]

    said = dms_client.post(PATH, build.created(*meters))

    assert said.codes == ["2.4"] * meter_readings.MAX_ERRORS + ["5.4"]
    assert said.errors[-1]["details"] == "950 more errors about 950 readings"
    assert said.result == "FAILED"


def test_repeated_message_and_repeated_readings_change_nothing(dms_client):
    (mrid,) = make_devices(1)
    at = stamp(quarter())

    def message(value, message_id):
        readings = build.single(build.NET_W, at, value)
        return build.created(build.meter_reading(mrid, readings=readings), message_id=message_id)

    first = dms_client.post(PATH, message(5, "m-1"))
    again = dms_client.post(PATH, message(5, "m-1"))
    other = dms_client.post(PATH, message(6, "m-2"))

    assert again.raw == first.raw
    assert other.result == "OK"
    assert [value for _, value, _ in stored()] == [-5.0]


def test_late_readings_do_not_overwrite_the_latest(dms_client):
    (mrid,) = make_devices(1)
    for start, value in ((quarter(1), 5), (quarter(3), 9)):
        readings = build.single(build.NET_W, stamp(start), value)
        dms_client.post(PATH, build.created(build.meter_reading(mrid, readings=readings)))

    assert LatestReading.objects.get().value == -5.0
    assert Reading.objects.count() == 2


def test_devices_of_others_are_unknown_to_an_aggregator(dms_client):
    (mrid,) = make_devices(1)
    device = EndDevice.objects.get(mrid=mrid)
    readings = build.single(build.NET_W, stamp(quarter()), 5)
    outsider = Dms(system(Role.AGGREGATOR, kind="aggregator"))

    said = outsider.post(
        PATH,
        build.created(
            build.meter_reading(mrid, readings=readings),
            build.meter_reading("", device.name, readings=readings),
        ),
    )

    assert said.codes == ["2.4", "2.4"]
    assert not Reading.objects.exists()


def test_values_that_wait_for_a_calculation_are_not_taken(dms_client):
    (mrid,) = make_devices(1)
    blocks = build.block(build.FORWARD_KWH, build.interval(stamp(quarter()), 5)).replace(
        "<ReadingType",
        "<PendingCalculation><scalarFloat>40</scalarFloat></PendingCalculation><ReadingType",
    )

    said = dms_client.post(PATH, build.created(build.meter_reading(mrid, blocks=blocks)))

    assert said.codes == ["2.6"]
    assert not Reading.objects.exists()


def test_too_many_readings(dms_client, monkeypatch):
    monkeypatch.setattr("derms.devices.cim.reading_columns.MAX_READINGS", 2)
    (mrid,) = make_devices(1)
    readings = "".join(build.single(build.NET_W, stamp(quarter(k)), k) for k in range(3))

    said = dms_client.post(PATH, build.created(build.meter_reading(mrid, readings=readings)))

    assert said.codes == ["3.1"]
    assert not Reading.objects.exists()


@pytest.mark.parametrize("text", ["\ue000", "&#9;", "&#xE000;1&#xE000;"])
def test_separators_in_codes_are_refused(dms_client, text):
    (mrid,) = make_devices(1)
    readings = build.single(f"{build.NET_W}{text}", stamp(quarter()), 5)

    said = dms_client.post(PATH, build.created(build.meter_reading(mrid, readings=readings)))

    assert said.codes == ["1.8"]
    assert not Reading.objects.exists()


def test_white_space_around_codes_is_nothing(dms_client):
    (mrid,) = make_devices(1)
    readings = build.single(f" {build.NET_W} ", stamp(quarter()), 5, " 1.0.0 ")

    said = dms_client.post(PATH, build.created(build.meter_reading(mrid, readings=readings)))

    assert said.result == "OK", said.errors
    assert stored() == [(quarter(), -5.0, Quality.GOOD)]


def test_nothing_in_it_is_nothing_to_do(dms_client):
    assert dms_client.post(PATH, build.created()).result == "OK"
    assert dms_client.post(PATH, build.created(build.meter_reading("nobody"))).result == "OK"


def test_not_schema_valid(dms_client):
    said = dms_client.post(PATH, build.created("<MeterReading><Meters/></MeterReading>"))

    assert said.codes == ["1.8"]


EVENT = """<EventMessage xmlns="http://iec.ch/TC57/2011/schema/message"><Header>
<Verb>created</Verb><Noun>MeterReadings</Noun><Revision>1</Revision><Context>PRODUCTION</Context>
<Timestamp>2022-11-18T08:42:21.539+08:00</Timestamp><Source>HES</Source>
<MessageID>1cbd57c9</MessageID><CorrelationID>1cbd57c9</CorrelationID>
<Property><Name>ReadingTypeGroup</Name><Value>LP</Value></Property></Header><Payload>
<MeterReadings xmlns="http://iec.ch/TC57/2011/MeterReadings#"><MeterReading><IntervalBlocks>
<IntervalReadings><timeStamp>{at}</timeStamp><value>6519.0955</value><ReadingQualities>
<source>HES</source><timeStamp>{at}</timeStamp><ReadingQualityType ref="1.0.0"></ReadingQualityType>
</ReadingQualities></IntervalReadings>
<ReadingType ref="0.0.2.9.1.2.12.0.0.0.0.0.0.0.0.3.72.0"></ReadingType></IntervalBlocks>
<Meter><mRID>{mrid}</mRID><Names><name>{mrid}</name><NameType><name>MeterUniqueID</name></NameType>
</Names></Meter></MeterReading></MeterReadings></Payload></EventMessage>"""


def test_event_message_of_a_head_end_without_soap(dms_client):
    (mrid,) = make_devices(1)

    answer = dms_client.raw("/cim", EVENT.format(at=stamp(quarter()), mrid=mrid).encode())

    assert b"Result>OK<" in answer.content, answer.content
    assert stored(Quantity.ENERGY_ABSORBED_WH) == [(quarter(), 6519095.5, Quality.GOOD)]
