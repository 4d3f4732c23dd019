"""EndDeviceControls over SOAP: what reaches the service, what is refused, and the events sent."""

import datetime as dt
import zlib

import pytest
from lxml import etree

from derms.alarms.models import Alarm
from derms.audit.models import AuditRecord
from derms.cim import operations
from derms.cim.models import OutboundMessage
from derms.core import clock
from derms.devices.models import EndDevice
from derms.events.services import relay
from derms.southbound.contract import CommandState
from dispatch import services
from dispatch.models import EndDeviceControl
from tests.cim.conftest import check_reply, make_devices
from tests.cim.messages import control, create_controls, create_groups, group, timing
from tests.factories.controls import answer, run
from tests.factories.partners import subscription

CONTROL = "create/executeEndDeviceControls"
CREATE = "create/executeDERGroups"
CONNECT, DISCONNECT = "2.31.0.18", "2.31.0.23"


@pytest.fixture
def members(dms_client):
    """Two groups: DG2 of three 10 kW batteries and DG4 of two."""
    devices = make_devices(5)
    two, four = group("m2", "DG2", devices[:3]), group("m4", "DG4", devices[3:])
    assert dms_client.post(CREATE, create_groups(two, four)).result == "OK"
    return devices


def ask(client, *items, **ids):
    return client.post(CONTROL, create_controls(*items, **ids))


def test_connects_a_group_named_by_mrid(dms_client, members):
    said = ask(dms_client, control(CONNECT, groups=["m2"], mrid="c1"), message_id="msg-1")

    row = EndDeviceControl.objects.get()
    assert (said.result, said.codes, said.payload) == ("OK", ["0.0"], None)
    assert said.header("CorrelationID") == "msg-1"
    assert (row.mrid, row.action, row.state, row.devices) == ("c1", "connect", "scheduled", 3)
    assert row.message_correlation_id == "msg-1"
    assert row.requested_by == dms_client.actor.name


def test_two_groups_by_name_in_one_control(dms_client, members):
    said = ask(dms_client, control(DISCONNECT, group_names=["DG2", "DG4"], mrid="c"))

    row = EndDeviceControl.objects.get()
    assert said.result == "OK"
    assert (row.group_mrids, row.devices) == (["m2", "m4"], 5)


def test_single_devices_reason_and_timing(dms_client, members):
    start = (clock.now() + dt.timedelta(hours=1)).replace(microsecond=0)
    when = timing(start=start.isoformat(), duration="30")

    said = ask(
        dms_client,
        control(DISCONNECT, devices=members[:2], reason="line work", timing=when, issuer="af779"),
        correlation_id="corr",
    )

    row = EndDeviceControl.objects.get()
    assert (said.result, said.texts("mRID")) == ("OK", [row.mrid, *members[:2]])
    assert (row.devices, row.reason, row.issuer_id) == (2, "line work", "af779")
    assert (row.start_at, row.duration_s) == (start, 1800)
    assert row.message_correlation_id == "corr"


def test_end_of_the_interval_gives_the_duration(dms_client, members):
    start = clock.now() + dt.timedelta(hours=1)
    when = timing(start=start.isoformat(), end=(start + dt.timedelta(minutes=5)).isoformat())

    ask(dms_client, control(DISCONNECT, groups=["m2"], timing=when))

    assert EndDeviceControl.objects.get().duration_s == pytest.approx(300)


def test_good_controls_are_done_and_bad_ones_told(dms_client, members):
    said = ask(
        dms_client,
        control(DISCONNECT, groups=["m2"], mrid="good"),
        control(DISCONNECT, groups=["m4", "nobody"], mrid="bad"),
    )

    assert (said.result, said.codes) == ("FAILED", ["99.1"])
    assert [c.mrid for c in EndDeviceControl.objects.all()] == ["good"]
    assert said.texts("mRID") == ["good", "m2"]


def test_row_11_unknown_group(dms_client, members):
    said = ask(dms_client, control(CONNECT, group_names=["DG1"]))

    [error] = said.errors
    assert (said.result, error["code"], error["details"]) == (
        "FAILED", "99.1", "DERGroup does not exist",
    )  # fmt: skip
    assert (error["id"], error["kind"], error["type"]) == ("DG1", "name", "DERGroup")
    assert said.payload is None


def test_unknown_device_is_refused_by_name(dms_client, members):
    said = ask(dms_client, control(CONNECT, devices=["nobody"]))

    [error] = said.errors
    assert (error["code"], error["id"], error["type"]) == ("6.1", "nobody", "EndDevice")


def test_row_15_group_without_the_function(dms_client):
    devices = make_devices(2)
    dms_client.post(CREATE, create_groups(group("m9", "DG9", devices, on=["realPowerDispatch"])))

    said = ask(dms_client, control(DISCONNECT, groups=["m9"]))

    [error] = said.errors
    assert (said.result, error["code"], error["type"]) == ("FAILED", "6.1", "DERGroup")
    assert "connectDisconnect" in error["details"]
    record = AuditRecord.objects.get(outcome="refused")
    assert (record.action, record.object_mrid) == ("cim.create_EndDeviceControls", "m9")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"ref": None}, "1.7"),
        ({"ref": " "}, "1.7"),
        ({"ref": "3.31.0.18"}, "2.15"),
        ({"groups": []}, "1.7"),
        ({"groups": [""]}, "1.7"),
        ({"more": "<PanDisplay><command>display</command></PanDisplay>"}, "6.1"),
        ({"timing": timing(duration="-5")}, "6.1"),
        ({"timing": timing(duration="NaN")}, "6.1"),
        ({"timing": timing(duration="5", indefinite="true")}, "6.1"),
        ({"timing": timing(randomisation="start")}, "6.1"),
        ({"timing": timing(start="2001-01-01T00:00:00Z", end="2001-01-02T00:00:00Z")}, "6.1"),
        ({"after": "<UsagePoints><mRID>u</mRID></UsagePoints>"}, "6.1"),
        ({"mrid": "x" * 129}, "6.1"),
    ],
)
def test_row_17_and_16_valid_by_schema_but_unusable(dms_client, members, asked, code):
    said = ask(dms_client, control(**{"ref": DISCONNECT, "groups": ["m2"]} | asked))

    assert (said.result, said.codes) == ("FAILED", [code])
    assert not EndDeviceControl.objects.exists()


def test_message_without_a_control_is_refused(dms_client, members):
    assert ask(dms_client, "").codes == ["1.7"]


def test_control_without_type_is_not_schema_valid(dms_client, members):
    said = ask(dms_client, "<EndDeviceControl><mRID>x</mRID></EndDeviceControl>")

    assert said.codes == ["1.8"]


def test_large_control_is_on_hold_until_somebody_releases_it(
    dms_client, members, settings, approver
):
    settings.CONTROL_RELEASE_DEVICES = 4

    said = ask(
        dms_client,
        control(DISCONNECT, groups=["m2", "m4"], mrid="large"),
        control(DISCONNECT, devices=members[:1], mrid="small"),
    )

    [note] = said.errors
    assert (said.result, note["code"], note["level"]) == ("PARTIAL", "6.2", "INFORM")
    assert (note["id"], note["kind"], note["type"]) == ("large", "uuid", "EndDeviceControl")
    states = dict(EndDeviceControl.objects.values_list("mrid", "state"))
    assert states == {"large": "awaiting_release", "small": "scheduled"}
    assert Alarm.objects.filter(source_mrid="large", priority=2, cleared_at=None).count() == 1

    services.release_control(mrid="large", revision=1, actor=approver.actor)
    assert EndDeviceControl.objects.get(mrid="large").state == "scheduled"


def test_repeated_message_has_one_effect_and_the_stored_reply(dms_client, members):
    message = create_controls(control(DISCONNECT, groups=["m2"]), message_id="same")

    first, again = dms_client.post(CONTROL, message), dms_client.post(CONTROL, message)

    assert first.raw == again.raw
    assert EndDeviceControl.objects.count() == 1


def events_sent():
    """(correlation, type, device, status, reason) of every event in the outbound queue, checked."""
    found = []
    for row in OutboundMessage.objects.filter(noun="EndDeviceEvents").order_by("id"):
        message = etree.fromstring(zlib.decompress(row.body)).find(".//{*}CreatedEndDeviceEvents")
        check_reply(operations.get("CreatedEndDeviceEvents").messages, message)
        correlation = message.findtext("{*}Header/{*}CorrelationID")
        found += [
            (
                correlation,
                event.find("{*}EndDeviceEventType").get("ref"),
                event.findtext("{*}Assets/{*}mRID"),
                event.findtext("{*}status/{*}value"),
                event.findtext("{*}reason"),
            )
            for event in message.iter("{*}EndDeviceEvent")
        ]
    return found


@pytest.mark.django_db(transaction=True)
def test_one_event_for_each_device_with_the_correlation_of_the_control(dms_client, members):
    subscription(noun="EndDeviceEvents")
    ask(dms_client, control(DISCONNECT, groups=["m2"], mrid="c"), message_id="m-1")
    row = EndDeviceControl.objects.get()
    run(row)
    answer(
        row,
        CommandState.REJECTED,
        devices=EndDevice.objects.filter(mrid=members[0]),
        detail="local control",
    )
    answer(row)
    run(row)
    relay()
    ask(dms_client, control(CONNECT, groups=["m2"]), correlation_id="corr-2")
    back = EndDeviceControl.objects.exclude(mrid="c").get()
    run(back)
    answer(back)
    run(back)
    relay()

    sent = events_sent()
    assert sorted(sent[:3], key=lambda e: e[2]) == [
        ("m-1", "2.31.0.84", members[0], "failed", "local control"),
        ("m-1", "2.31.0.68", members[1], "done", None),
        ("m-1", "2.31.0.68", members[2], "done", None),
    ]
    assert sorted(sent[3:]) == [("corr-2", "2.31.0.42", mrid, "done", None) for mrid in members[:3]]


@pytest.mark.django_db(transaction=True)
def test_rejected_control_tells_its_sender_of_every_device(dms_client, members, settings, approver):
    settings.CONTROL_RELEASE_DEVICES = 0
    subscription(noun="EndDeviceEvents")
    ask(dms_client, control(CONNECT, groups=["m4"], mrid="c"), message_id="m-3")

    services.reject_control(mrid="c", revision=1, reason="storm", actor=approver.actor)
    relay()

    reason = f"Rejected by {approver.actor.name}: storm"
    assert sorted(events_sent()) == [
        ("m-3", "2.31.0.67", mrid, "failed", reason) for mrid in sorted(members[3:])
    ]
