"""Wrong messages a real partner sends, each named in one sentence: the element and the rule."""

import base64
import datetime as dt
import gzip
import re

import pytest

from derms.conformance import services
from derms.core import clock

pytestmark = pytest.mark.django_db


def swap(pattern, text, count=1):
    """Return a change of a sample; it must hit."""

    def change(sample):
        changed, hits = re.subn(pattern, text, sample, count=count, flags=re.DOTALL)
        assert hits, pattern
        return changed

    return change


def at(seconds, zone="Z"):
    return (clock.now() + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + zone


def in_the_past(sample):
    return swap("(<startTime>)[^<]+", rf"\g<1>{at(-1200)}")(sample)


def an_hour_ahead(sample):
    return swap("(<m:Timestamp>)[^<]+", rf"\g<1>{at(3600)}")(sample)


WRONG = [
    ("namespace of the message", "create", swap("2017/DERGroupsMessage", "2016/DERGroupsMessage"),
     "CreateDERGroups is in the namespace 'http://iec.ch/TC57/2016/DERGroupsMessage': expected "
     "'http://iec.ch/TC57/2017/DERGroupsMessage'"),
    ("namespace of the profile", "create", swap("2017/DERGroups#", "2017/DERGroups"),
     "Payload/DERGroups is in the namespace 'http://iec.ch/TC57/2017/DERGroups': expected "
     "'http://iec.ch/TC57/2017/DERGroups#'"),
    ("namespace of the header", "create",
     swap("<m:Verb>create</m:Verb>", "<Verb>create</Verb>"),
     "Header/Verb is in the namespace 'http://iec.ch/TC57/2017/DERGroupsMessage': it belongs to "
     "'http://iec.ch/TC57/2011/schema/message'"),
    ("another noun", "create", swap("<m:Noun>[^<]+", "<m:Noun>EndDevices"),
     "Header/Noun is 'EndDevices': CreateDERGroups needs 'DERGroups'"),
    ("another verb", "create", swap("<m:Verb>create<", "<m:Verb>change<"),
     "Header/Verb is 'change': CreateDERGroups needs 'create'"),
    ("no MessageID", "create", swap("<m:MessageID>[^<]*</m:MessageID>", ""),
     "Header/MessageID is missing: nobody can tell a repetition without it"),
    ("no Payload", "create", swap("<Payload>.*</Payload>", ""),
     "Payload is missing: CreateDERGroups carries DERGroups in it"),
    ("a flag missing", "create", swap("<rampRateControl>false</rampRateControl>", ""),
     "DERGroups/EndDeviceGroup/DERFunction/rampRateControl is missing: mandatory on create before "
     "reactivePowerDispatch"),
    ("no group named", "change", swap("<EndDeviceGroup><mRID>[^<]+</mRID>", "<EndDeviceGroup>"),
     "DERGroups/EndDeviceGroup/mRID is missing: the group of this run is '{group_mrid}'"),
    ("another group named", "query", swap("<mRID>[^<]+", "<mRID>other"),
     "DERGroupQueries/EndDeviceGroup/mRID is 'other': the group of this run is '{group_mrid}'"),
    ("a device missing", "create", swap("<EndDevices><mRID>[^<]+</mRID></EndDevices>", ""),
     "DERGroups/EndDeviceGroup/EndDevices/mRID '{device1}' is missing: this step expects it"),
    ("a unit that is none", "dispatch", swap("<yUnit>W<", "<yUnit>kW<"),
     "DERGroupDispatches/DERGroupDispatch/EndDeviceGroup/DERMonitorableParameter/yUnit is 'kW': "
     "allowed are "),
    ("the multiplier forgotten", "dispatch", swap("<yMultiplier>k<", "<yMultiplier>none<"),
     "DERGroupDispatches/DERGroupDispatch/EndDeviceGroup/DERMonitorableParameter/DispatchSchedule/"
     "DERCurveData/nominalYValue is 1 with that yMultiplier, 1 W: this step expects 1000 W "
     "injected"),
    ("the sign", "dispatch", swap("<nominalYValue>1<", "<nominalYValue>-1<"),
     "DERGroupDispatches/DERGroupDispatch/EndDeviceGroup/DERMonitorableParameter/DispatchSchedule/"
     "DERCurveData/nominalYValue is -1 with that yMultiplier, -1000 W: this step expects 1000 W "
     "injected"),
    ("a unit of time that is none", "dispatch",
     swap("<timeIntervalUnit>m<", "<timeIntervalUnit>min<"),
     "DERGroupDispatches/DERGroupDispatch/EndDeviceGroup/DERMonitorableParameter/DispatchSchedule/"
     "timeIntervalUnit is 'min': allowed are "),
    ("a start long ago", "dispatch", in_the_past,
     "DERGroupDispatches/DERGroupDispatch/EndDeviceGroup/DERMonitorableParameter/DispatchSchedule/"
     "startTime is 120"),
    ("no type of control", "disconnect", swap(' ref="2.31.0.23"', ""),
     "EndDeviceControls/EndDeviceControl/EndDeviceControlType/@ref is '': this step expects "
     "'2.31.0.23'"),
    ("the operation of a set", "remove", swap("<m:verb>delete<", "<m:verb>remove<"),
     "OperationSet/Operation/verb is 'remove': this step expects 'delete'"),
    ("a clock that is wrong", "create", an_hour_ahead,
     "Header/Timestamp is 3"),
    ("a valid message where none is wanted", "invalid", None,
     "The message is valid: this step expects one that is not"),
    ("SOAP 1.2", "create",
     swap("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
     "The message cannot be read: Envelope is in the namespace "
     "'http://www.w3.org/2003/05/soap-envelope': SOAP 1.1 is "
     "'http://schemas.xmlsoap.org/soap/envelope/'"),
    ("no body", "create", lambda _: "",
     "The message was not taken, HTTP 411: Say the Content-Length"),
    ("a blank body", "create", lambda _: " ",
     "The message cannot be read: The XML cannot be read: "),
    ("a web page", "create", lambda _: "<html><body><h1>Welcome</h1></body></html>",
     "The message is html: this step expects CreateDERGroups"),
    ("half a message", "create", lambda s: s[: len(s) // 2],
     "The message cannot be read: The XML cannot be read: "),
]  # fmt: skip


@pytest.mark.parametrize(("key", "change", "said"), [row[1:] for row in WRONG],
                         ids=[row[0] for row in WRONG])  # fmt: skip
def test_what_is_wrong_is_named(bench, key, change, said):
    on = bench()
    sample = on.until(key)
    if change is None:
        sample = on.shown("create").sample.replace(on.run.values["group_mrid"], "another")
        change = str
    said = said.format(**on.run.values) if "{" in said else said

    on.send(on.shown(key).address, change(sample).encode())

    step = on.step(key)
    assert step.difference.startswith(said), step.difference
    assert (step.state, step.remark) == ("failed", "")
    assert said.endswith((": ", "are ", "120", "is 3")) or step.difference == said


def test_times_off_are_told_in_seconds(bench):
    on = bench()
    sample = on.until("dispatch")

    on.send(on.shown("dispatch").address, in_the_past(sample).encode())

    assert re.search(r"startTime is 120\d s behind our clock: this step is about now$",
                     on.step("dispatch").difference)  # fmt: skip


def test_the_clock_of_the_partner_is_measured(bench):
    on = bench()
    late = swap("(<m:Timestamp>)[^<]+", rf"\g<1>{at(-100)}")(on.until("create"))

    on.send("61968-5/create/executeDERGroups", late.encode())

    step = on.step("create")
    assert step.state == "passed"
    assert -105 < step.drift_s < -99
    assert step.latency_ms > 0


def test_wrong_media_type_is_told_by_the_answer(bench):
    on = bench()

    on.send("61968-5/create/executeDERGroups", on.until("create").encode(), "application/json")

    assert on.step("create").difference == (
        "The message was not taken, HTTP 415: Send text/xml, not application/json"
    )


def test_a_soap_action_of_another_operation(bench):
    on = bench()
    sample = on.until("create").encode()

    on.send("61968-5/create/executeDERGroups", sample, SOAPAction='"x/DeleteDERGroups"')

    difference = on.step("create").difference
    assert difference.startswith("The reply is FAULT 1.8 (SOAPAction x/DeleteDERGroups does not")


def test_the_service_of_another_operation(bench):
    on = bench()

    on.send("61968-5/change/executeDERGroups", on.until("create").encode())

    assert "Unexpected wrapper element" in on.step("create").difference


def test_a_message_id_used_for_another_message(bench):
    on = bench()
    sample = on.until("duplicate")
    message_id = re.search("<m:MessageID>([^<]+)", on.sent(on.step("create"))).group(1)

    body = swap("(<m:MessageID>)[^<]+", rf"\g<1>{message_id}")(sample)
    body = body.replace("<connectDisconnect>true", "<connectDisconnect>false", 1)
    on.send(on.shown("duplicate").address, body.encode())

    assert on.step("duplicate").difference == (
        f"Header/MessageID '{message_id}' is that of an earlier message of this run"
    )


def test_the_same_message_again_where_a_new_one_is_due(bench, time_machine):
    on = bench()
    on.until("duplicate")
    on.send(on.shown("create").address, on.sent(on.step("create")).encode())

    waiting = on.step("duplicate")
    assert waiting.state == "waiting"
    time_machine.move_to(clock.now() + dt.timedelta(hours=2))
    step = on.step("duplicate")

    assert step.state == "failed"
    assert step.difference.startswith("What came has the MessageID of an earlier message")


@pytest.mark.parametrize(
    ("key", "change", "remark"),
    [
        ("create", swap("<m:Verb>create<", "<m:Verb>CREATE<"),
         "Header/Verb is 'CREATE': the standard writes 'create'"),
        ("create", swap("<m:Noun>DERGroups<", "<m:Noun>DERGroup<"),
         "Header/Noun is 'DERGroup': the standard writes 'DERGroups'"),
        ("dispatch", swap("(<startTime>[^<]+)Z", r"\g<1>"),
         "DERGroupDispatches/DERGroupDispatch/EndDeviceGroup/DERMonitorableParameter/"
         "DispatchSchedule/startTime is '"),
    ],
)  # fmt: skip
def test_what_is_taken_although_not_by_the_letter_is_a_remark(bench, settings, key, change, remark):
    settings.SITE_TIME_ZONE = "UTC"
    on = bench()
    sample = on.until(key)

    on.send(on.shown(key).address, change(sample).encode())

    step = on.step(key)
    assert (step.state, step.difference) == ("passed", "")
    assert step.remark.startswith(remark)
    assert key == "create" or step.remark.endswith(
        "without a time zone: taken as UTC, write Z or an offset"
    )


@pytest.mark.parametrize("form", ["plain", "generic", "compressed"])
def test_other_forms_of_a_good_message_pass(bench, form):
    on = bench()
    on.until("create")
    sample = on.shown("create", is_soap=form == "compressed").sample
    address = on.shown("create").address
    if form == "compressed":
        inner = re.search("<Payload>(.*)</Payload>", sample, re.DOTALL).group(1)
        packed = base64.b64encode(gzip.compress(inner.encode())).decode()
        sample = sample.replace(inner, f"<Compressed>{packed}</Compressed>")
    else:
        address = "cim"
    if form == "generic":
        inner = re.search("<Payload>(.*)</Payload>", sample, re.DOTALL).group(1)
        header = re.search("<m:Verb>.*</m:MessageID>", sample, re.DOTALL).group(0)
        sample = (
            '<m:RequestMessage xmlns:m="http://iec.ch/TC57/2011/schema/message"><m:Header>'
            f"{header}</m:Header><m:Payload>{inner}</m:Payload></m:RequestMessage>"
        )

    on.send(address, sample.encode())

    step = on.step("create")
    assert (step.state, step.difference) == ("passed", "")


def test_a_late_message_fails_its_step_and_the_run_goes_on(bench, time_machine):
    on = bench()
    sample = on.until("create")
    time_machine.move_to(clock.now() + dt.timedelta(hours=2))
    assert on.step("create").difference.startswith("No CreateDERGroups of yours came in time;")

    on.send(on.shown("create").address, sample.encode())

    assert on.step("unknown").state == "waiting"
    services.abandon_run(mrid=on.mrid, reason="", actor=on.dms.actor)
