"""Questions for MeterReadings: usage of devices and groups in the types of the customer systems."""

import datetime as dt
import random
from functools import cache

import numpy as np
import pytest
import requests
import zeep
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from requests.auth import HTTPBasicAuth
from zeep.transports import Transport

from derms.cim import envelope, operations, schema
from derms.cim.parts import CimName
from derms.core import clock
from derms.core.actors import SYSTEM, Role
from derms.core.quantities import Quality, Quantity
from derms.devices.choices import ReadingSource
from derms.devices.cim import rendering
from derms.devices.cim.reading_columns import read_columns
from derms.devices.fleet import Fleet
from derms.devices.models import EndDevice, ReadingRollup
from derms.devices.rules.metering import MeterRows, assemble
from derms.devices.rules.reading_types import (
    OF_INSTANTS,
    OF_INTERVALS,
    QUALITY_CODES,
    read_reading_type,
)
from derms.devices.rules.readings import ReadingBatch, microseconds
from derms.devices.services import keep_partitions, store_readings
from groups.cim.meter_readings import render_usage
from groups.models import DerGroup, Membership
from groups.services.statuses import StatusKeeper
from tests.cim import messages
from tests.cim import meter_messages as build
from tests.cim.conftest import Dms, check_reply, make_devices
from tests.cim.test_meter_readings import PATH as IN
from tests.cim.test_meter_readings import end, quarter, stamp
from tests.personas import system

PATH = "get/queryMeterReadings"
FORWARD_WH, REVERSE_WH = (kind.code for kind in OF_INTERVALS)
NET_WH = "0.0.2.4.4.1.12.0.0.0.0.0.0.0.0.0.72.0"


def roll_up(mrid, *means_w, first=None, quantity=Quantity.ACTIVE_POWER_W):
    """Store the means of consecutive quarter-hours, the last of which is over."""
    keep_partitions()
    start = first or quarter(len(means_w))
    ReadingRollup.objects.bulk_create(
        ReadingRollup(
            device_id=EndDevice.objects.get(mrid=mrid).pk,
            quantity=quantity,
            start_at=start + dt.timedelta(minutes=15 * k),
            mean=mean,
            minimum=mean,
            maximum=mean,
            count=3,
        )
        for k, mean in enumerate(means_w)
        if mean is not None
    )
    return start


def told(said):
    """{meter: {type: [(time stamp, value, quality, comment)]}} of a reply, and its names."""
    found = {}
    for reading in said.root.iter("{*}MeterReading"):
        mrid = reading.findtext("{*}Meter/{*}mRID")
        rows = found.setdefault(mrid, {})
        for one in [*reading.iter("{*}IntervalReadings"), *reading.iterfind("{*}Readings")]:
            kind = one.find("{*}ReadingType")
            kind = one.getparent().find("{*}ReadingType") if kind is None else kind
            quality = one.find("{*}ReadingQualities")
            rows.setdefault(kind.get("ref"), []).append(
                (
                    one.findtext("{*}timeStamp"),
                    float(one.findtext("{*}value")),
                    quality.find("{*}ReadingQualityType").get("ref"),
                    quality.findtext("{*}comment"),
                )
            )
    return found


def values(rows):
    return [row[1] for row in rows]


def make_group(dms_client, *members):
    name = f"usage {random.random()}"
    said = dms_client.post(
        "create/executeDERGroups",
        messages.create_groups(messages.group(mrid=name, name=name, members=members)),
    )
    assert said.result == "OK", said.errors
    # Members since yesterday, as if the group had been made then.
    group = DerGroup.objects.get(mrid=name)
    for membership in Membership.objects.filter(group=group):
        since = clock.now() - dt.timedelta(days=1)
        Membership.objects.filter(pk=membership.pk).update(period=(since, None))
    return group


def test_usage_of_a_device_by_quarter_hours_both_ways(dms_client):
    (mrid,) = make_devices(1)
    start = roll_up(mrid, 2000.0, -400.0, 0.0)

    said = dms_client.post(PATH, build.get(build.device(mrid), stamp(start), stamp(quarter(0))))

    assert said.result == "OK", said.errors
    times = [end(start + dt.timedelta(minutes=15 * k)).replace("Z", ".000Z") for k in range(3)]
    assert told(said) == {
        mrid: {
            REVERSE_WH: [(t, v, "4.11.0", None) for t, v in zip(times, (500, 0, 0), strict=True)],
            FORWARD_WH: [(t, v, "4.11.0", None) for t, v in zip(times, (0, 100, 0), strict=True)],
        }
    }


@pytest.mark.parametrize(
    ("reading_type", "expected"),
    [
        (NET_WH, [-500.0, 100.0]),
        (build.REVERSE_KWH, [0.5, 0.0]),
        ("0.2.2.6.4.1.37.0.0.0.0.0.0.0.0.3.38.0", [-2.0, 0.4]),
    ],
)
def test_usage_comes_in_the_type_asked_for(dms_client, reading_type, expected):
    (mrid,) = make_devices(1)
    name = EndDevice.objects.get(mrid=mrid).name
    start = roll_up(mrid, 2000.0, -400.0)
    query = build.device(name=name) + build.types(reading_type)

    said = dms_client.post(PATH, build.get(query, stamp(start)))

    assert said.result == "OK", said.errors
    assert values(told(said)[mrid][reading_type]) == expected


@pytest.mark.parametrize("place", ["Reading/timePeriod", "TimeSchedule/scheduleInterval"])
def test_time_may_stand_in_the_query(dms_client, place):
    (mrid,) = make_devices(1)
    start = roll_up(mrid, 1000.0, 2000.0, 3000.0)
    outer, inner = place.split("/")
    second, third = (stamp(start + dt.timedelta(minutes=15 * k)) for k in (1, 2))
    span = f"<{outer}><{inner}><end>{third}</end><start>{second}</start></{inner}></{outer}>"
    kind = build.types(REVERSE_WH)
    query = build.device(mrid) + (span + kind if outer == "Reading" else kind + span)

    said = dms_client.post(PATH, build.get(query, stamp(start)))

    assert values(told(said)[mrid][REVERSE_WH]) == [500.0]


def test_usage_of_a_group_is_the_sum_of_its_members(dms_client):
    first, second, other = make_devices(3)
    start = roll_up(first, 2000.0, -400.0, 800.0)
    roll_up(second, -4000.0, -400.0, None)
    roll_up(other, 9e6, 9e6, 9e6)
    group = make_group(dms_client, first, second)
    query = build.group(group.mrid) + build.types(FORWARD_WH, REVERSE_WH, NET_WH)

    said = dms_client.post(PATH, build.get(query, stamp(start), stamp(quarter(0))))

    assert said.result == "OK", said.errors
    rows = told(said)[group.mrid]
    assert values(rows[FORWARD_WH]) == [1000.0, 200.0, 0.0]
    assert values(rows[REVERSE_WH]) == [500.0, 0.0, 200.0]
    assert values(rows[NET_WH]) == [500.0, 200.0, -200.0]
    assert [row[2:] for row in rows[NET_WH]] == [
        ("4.11.0", "2 of 2 members"),
        ("4.11.0", "2 of 2 members"),
        ("4.10.0", "1 of 2 members"),
    ]
    assert "EndDeviceGroup" in said.texts("name")


def test_a_member_counts_while_it_was_one(dms_client):
    first, gone, late = make_devices(3)
    start = roll_up(first, 1000.0, 1000.0)
    roll_up(gone, 2000.0, 2000.0)
    roll_up(late, 4000.0, 4000.0)
    group = make_group(dms_client, first, gone, late)
    second = start + dt.timedelta(minutes=15)
    for mrid, period in ((gone, (start - dt.timedelta(days=1), second)), (late, (second, None))):
        device = EndDevice.objects.get(mrid=mrid)
        Membership.objects.filter(group=group, device=device).update(period=period)

    said = dms_client.post(
        PATH, build.get(build.group(group.mrid) + build.types(REVERSE_WH), stamp(start))
    )

    rows = told(said)[group.mrid][REVERSE_WH]
    assert [(row[1], row[3]) for row in rows] == [
        (750.0, "2 of 2 members"),
        (1250.0, "2 of 2 members"),
    ]


def store(mrid, quantity, value, *, age_s=1, quality=Quality.GOOD):
    keep_partitions()
    batch = ReadingBatch(
        device_id=np.array([EndDevice.objects.get(mrid=mrid).pk], dtype="int32"),
        quantity=np.array([quantity], dtype="int16"),
        measured_at=np.array([microseconds(clock.now()) - age_s * 1_000_000]),
        value=np.array([value], dtype="float64"),
        quality=np.array([quality], dtype="int16"),
        source=ReadingSource.POLL,
    )
    assert store_readings(batch, actor=SYSTEM).stored == 1


def test_latest_values_with_quality_and_age(dms_client):
    fresh, old = make_devices(2)
    store(fresh, Quantity.ACTIVE_POWER_W, 750.0, quality=Quality.ESTIMATED)
    store(fresh, Quantity.VOLTAGE_V, 231.0)
    store(old, Quantity.ENERGY_INJECTED_WH, 12_000.0, age_s=3600)

    said = dms_client.post(PATH, build.get(build.device(fresh) + build.device(old)))

    assert said.result == "OK", said.errors
    found = told(said)
    assert {k: v[0][1:] for k, v in found[fresh].items()} == {
        OF_INSTANTS[0].code: (-750.0, "4.8.0", None),
        OF_INSTANTS[2].code: (231.0, "4.0.0", None),
    }
    assert {k: v[0][1:] for k, v in found[old].items()} == {
        OF_INSTANTS[6].code: (12_000.0, "4.10.0", "stale")
    }


def test_latest_value_of_a_group(dms_client):
    members = make_devices(2)
    group = make_group(dms_client, *members)
    store(members[0], Quantity.ACTIVE_POWER_W, 750.0)
    StatusKeeper(Fleet(), pause_s=0).tick()

    said = dms_client.post(PATH, build.get(build.group(group.mrid)))

    rows = told(said)[group.mrid]
    assert rows[OF_INSTANTS[0].code][0][1:] == (-750.0, "4.10.0", "1 of 2 members")


def test_unknown_ones_are_told_and_the_others_answered(dms_client):
    (mrid,) = make_devices(1)
    query = build.device(mrid) + build.device("nobody") + build.device(name="no one")
    query += build.group("no group") + build.types(build.NET_W, FORWARD_WH, "volts")

    said = dms_client.post(PATH, build.get(query))

    assert {(e["code"], e["id"], e["type"]) for e in said.errors} == {
        ("2.4", "nobody", "EndDevice"),
        ("2.4", "no one", "EndDevice"),
        ("99.1", "no group", "DERGroup"),
        ("2.10", FORWARD_WH, "ReadingType"),
        ("2.6", "volts", "ReadingType"),
    }
    assert said.result == "FAILED"
    assert list(told(said)) == [mrid]


@pytest.mark.parametrize(
    ("content", "start", "end", "code"),
    [
        ("", "", "", "1.6"),
        (build.device("x"), "", "2026-01-01T00:00:00Z", "6.1"),
        (build.device("x"), "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "6.1"),
        (build.device("x") + build.types("volts"), "", "", "2.6"),
        ("<EndDevice><serial/></EndDevice>", "", "", "1.8"),
    ],
)
def test_what_cannot_be_asked(dms_client, content, start, end, code):
    said = dms_client.post(PATH, build.get(content, start, end))

    assert (said.result, said.codes) == ("FAILED", [code])


def test_too_much_is_refused(dms_client, monkeypatch):
    (mrid,) = make_devices(1)
    group = make_group(dms_client, mrid)
    years = build.get(build.device(mrid), "2020-01-01T00:00:00Z")
    assert dms_client.post(PATH, years).codes == ["3.1"]

    monkeypatch.setattr("groups.usage.MAX_MEANS", 3)
    day = build.get(build.group(group.mrid), stamp(quarter(4)))
    assert dms_client.post(PATH, day).codes == ["3.1"]


def test_an_aggregator_sees_its_own_only(dms_client):
    (mrid,) = make_devices(1)
    group = make_group(dms_client, mrid)
    outsider = Dms(system(Role.AGGREGATOR, kind="aggregator"))

    said = outsider.post(PATH, build.get(build.device(mrid) + build.group(group.mrid)))

    assert sorted(said.codes) == ["2.4", "99.1"]
    assert said.payload is None


def test_usage_of_groups_for_a_push_is_a_valid_message(dms_client):
    (mrid,) = make_devices(1)
    start = roll_up(mrid, 1000.0)
    group = make_group(dms_client, mrid)
    operation = operations.find("MeterReadings", "created")

    payload = render_usage([group], start, quarter(0))

    root = etree.fromstring(envelope.render_event(operation, payload, "m-1"))
    check_reply(operation.messages, root)
    assert root.tag == "{http://iec.ch/TC57/2011/MeterReadingsMessage}CreatedMeterReadings"
    assert [e.text for e in root.iter("{*}value")] == ["0.0", "250.0"]


READINGS = st.lists(
    st.tuples(
        st.integers(0, 3),  # meter
        st.sampled_from([*OF_INSTANTS, read_reading_type(NET_WH)]),
        st.integers(0, 10**9),  # seconds
        st.floats(-1e9, 1e9).map(lambda value: round(value, 6)),
        st.sampled_from(Quality),
    ),
    max_size=30,
)


@cache
def profile_schema():
    files = schema.documents(operations.find("MeterReadings", "created").messages)
    return schema.compile_schema(files, "MeterReadings.xsd")


@settings(max_examples=1000, deadline=None)
@given(rows=READINGS)
def test_what_is_told_is_read_back_the_same(rows):
    shown = [
        [
            rendering.Shown(
                kind,
                np.array([at * 1_000_000]),
                rendering.in_type(kind, np.array([value])),
                [QUALITY_CODES[quality]],
                [""],
            )
            for meter, kind, at, value, quality in rows
            if meter == wanted
        ]
        for wanted in range(4)
    ]
    meters = [
        rendering.render_meter_reading(rendering.render_meter(f"m{i}", [CimName("<&>")]), each)
        for i, each in enumerate(shown)
    ]

    content = etree.fromstring(rendering.render_meter_readings(meters))
    columns = read_columns(content)

    profile_schema().assertValid(content)
    types = [read_reading_type(code) for code in columns.codes]
    batch, origin = assemble(
        MeterRows(columns.meter, columns.kind, columns.at, columns.value, columns.quality),
        types,
        ReadingSource.METER,
    )
    found = sorted(
        zip(
            batch.device_id.tolist(),
            batch.quantity.tolist(),
            batch.measured_at.tolist(),
            batch.value.tolist(),
            batch.quality.tolist(),
            strict=True,
        )
    )
    expected = sorted(
        (meter, int(kind.quantity), (at - kind.period_s) * 1_000_000, value, int(quality))
        for meter, kind, at, value, quality in rows
    )
    assert found == expected
    assert len(origin) == len(rows)


@pytest.mark.django_db(transaction=True)
def test_zeep_tells_and_asks(live_server):
    dms = system(Role.DMS)
    (mrid,) = make_devices(1)
    session = requests.Session()
    session.auth = HTTPBasicAuth(dms.client_id, dms.secret)
    start = quarter()

    def client(path):
        url = f"{live_server.url}/61968-9/{path}"
        return zeep.Client(f"{url}?wsdl", transport=Transport(session=session))

    header = {"Noun": "MeterReadings", "MessageID": f"z-{random.random()}"}
    reading = {
        "Meter": {"mRID": mrid},
        "IntervalBlocks": [
            {
                "IntervalReadings": [{"timeStamp": end(start), "value": 0.5}],
                "ReadingType": {"ref": build.REVERSE_KWH},
            }
        ],
    }
    stored = client(IN).service.CreatedMeterReadings(
        Header={**header, "Verb": "created"},
        Payload={"MeterReadings": {"MeterReading": [reading]}},
    )
    assert stored.Reply.Result == "OK"

    answer = client(PATH).service.QueryMeterReadings(
        Header={"Verb": "get", "Noun": "MeterReadings"},
        Request={
            "GetMeterReadings": {
                "EndDevice": [{"mRID": mrid}],
                "ReadingType": [{"mRID": OF_INSTANTS[0].code}],
            }
        },
    )

    (told_back,) = answer.Payload.MeterReadings.MeterReading
    assert told_back.Meter.mRID == mrid
    assert told_back.Readings[0].value == -2000.0
