"""Every row of the validation table, through every door, to the letter of the answer.

A refused message is answered with its code, level, reason, details and ID, leaves one audit
record, and leaves every row of the database as it was. The table is in `refusals.py`.
"""

import datetime as dt
import re
from pathlib import Path

import pytest
from django.test import Client
from lxml import etree

import groups.services
from derms.audit.models import AuditRecord
from derms.cim import registry
from derms.cim.operations import OPERATIONS
from derms.core.actors import Role
from derms.devices.models import EndDevice
from dispatch import services
from dispatch.rules.request import DispatchData
from groups import selectors
from groups.cim import operation_sets
from groups.rules.definition import GroupKey
from tests.cim.conftest import Dms, make_devices
from tests.cim.messages import (
    asked,
    control,
    create_controls,
    create_dispatches,
    create_groups,
    dispatch,
    forecast_query,
    group,
    schedule,
    soap,
)
from tests.cim.refusals import (
    ALL,
    CHANGE,
    CONNECT,
    CREATE,
    DISPATCH,
    FAR,
    FORECASTS,
    REASONS,
    REFUSALS,
    Refusal,
)
from tests.cim.test_attacks import all_rows_hash
from tests.cim.test_dispatches import report, soon
from tests.cim.test_generic import Plain, generic
from tests.personas import system

M = "{http://iec.ch/TC57/2011/schema/message}"


@pytest.fixture
def doors(dms, aggregator):
    """Return {(is another party, has SOAP): client}."""
    return {
        (by_party, door == "soap"): (Dms if door == "soap" else Plain)(persona)
        for by_party, persona in ((False, dms), (True, aggregator))
        for door in ("soap", "plain")
    }


@pytest.fixture
def world(doors):
    """A utility with groups DG1 and DG2, a dispatch d1, a control c1 and a device not approved."""
    client, members = doors[False, True], make_devices(4)
    make_devices(1, eligible=False)
    EndDevice.objects.filter(eligible=False).update(mrid="barred")
    report(members)
    for path, message in (
        ("create/executeDERGroups", create_groups(
            group("m1", "DG1", members[:3]), group("m2", "DG2", members[3:], on=()))),
        ("create/executeDERGroupDispatches", create_dispatches(
            dispatch("m1", mrid="d1", schedules=schedule((5.0,), start=soon(60))))),
        ("create/executeEndDeviceControls", create_controls(
            control(CONNECT, groups=["m1"], mrid="c1"))),
    ):  # fmt: skip
        assert client.post(path, message).result == "OK"


def send(doors, case, door):
    client = doors[case.by_party, door == "soap"]
    if door == "soap":
        return client, client.post(case.path, case.message)
    if door == "bare":
        messages = registry.profile_of(
            etree.QName(etree.fromstring(case.message)).localname
        ).operation.messages
        return client, client.post(case.message, messages)
    is_event = etree.fromstring(case.message).findtext(".//{*}Verb", "").endswith("ed")
    return client, client.post(
        generic(case.message, "EventMessage" if is_event else "RequestMessage")
    )


def same(details, wanted, actor):
    wanted = wanted.replace("{actor}", actor.name)
    return details.startswith(wanted[:-3]) if wanted.endswith("...") else details == wanted


ROWS = sorted({case.row for case in REFUSALS})


@pytest.mark.parametrize("door", ["soap", "bare", "generic"])
@pytest.mark.parametrize("row", ROWS)
def test_refused_to_the_letter(doors, world, row, door):
    before = all_rows_hash()

    for case in REFUSALS:
        if case.row == row and door in case.doors:
            audited = AuditRecord.objects.count()
            client, said = send(doors, case, door)
            check(said, case, client.actor)
            assert all_rows_hash() == before, case.name
            outcomes = [r.outcome for r in AuditRecord.objects.order_by("pk")[audited:]]
            is_question = case.path.startswith("get/") and case.code == "99.1"
            assert outcomes == ([] if is_question else ["refused"]), case.name


def check(said, case, actor):
    """The reply has one error, all parts of which are those of the table."""
    assert (said.status, said.result, said.payload) == (200, "FAILED", None), case.name
    *others, error = said.errors
    assert [(e["code"], e["details"]) for e in others] == (
        [("5.9", "Nothing was done, because operation 2 failed")] if case.operation_id else []
    ), case.name
    assert (error["code"], error["level"]) == (case.code, "FATAL"), (case.name, error)
    assert error["reason"] == REASONS[case.code], case.name
    assert same(error["details"], case.details, actor), (case.name, error["details"])
    about = (error["id"], error["kind"], error["type"])
    assert about == (case.about or (None, None, None)), case.name
    related = said.root.find(f".//{M}relatedID")
    told = None if related is None else (related.text, *map(related.get, ("kind", "objectType")))
    assert told == case.related, case.name
    operations = [e.text for e in said.root.iter(f"{M}operationId")]
    assert operations == (["1", case.operation_id] if case.operation_id else []), case.name
    assert said.header("Verb") == "reply", case.name
    assert said.header("CorrelationID") == etree.fromstring(case.message).findtext(
        f".//{M}MessageID"
    ), case.name


# --- rows 1 to 3: what cannot be read is a fault -------------------------------------------

GOOD = soap(ALL["ChangeDERGroups"][1])
DELETE = "http://iec.ch/TC57/2017/DERGroups/DeleteDERGroups"
DTD = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
FAULTS = [
    (1, GOOD[:-30], "", "The XML cannot be read: ..."),
    (2, soap(ALL["CreateDERGroups"][1]), "", "Unexpected wrapper element {http://iec.ch/TC57/2017/"
     "DERGroupsMessage}CreateDERGroups found. Expected {http://iec.ch/TC57/2017/DERGroupsMessage}"
     "ChangeDERGroups, {http://iec.ch/TC57/2017/DERGroupsMessage}DeleteDERGroups."),
    (2, soap("<x/>"), "", "Unexpected wrapper element x found. Expected {http://iec.ch/TC57/..."),
    (2, soap(""), "", "The SOAP Body must hold one message, found 0"),
    (2, GOOD, DELETE, f"SOAPAction {DELETE} does not belong to "
     "{http://iec.ch/TC57/2017/DERGroupsMessage}ChangeDERGroups."),
    (3, GOOD.replace(b"?>", b"?>" + DTD, 1), "", "A document type declaration is not allowed"),
    (3, GOOD.replace(b"?>", b"?>" + DTD, 1).replace(b">m1<", b">&a;<"), "",
     "A document type declaration is not allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "body", "action", "details"), FAULTS)
def test_faults_to_the_letter(doors, world, row, body, action, details):
    before, audited = all_rows_hash(), AuditRecord.objects.count()
    client = doors[False, True]

    said = client.post(CHANGE, body, action=action)

    (error,) = said.errors
    assert (said.status, said.result, said.payload) == (500, "FAILED", None)
    assert b"<faultcode>soap:Client</faultcode>" in said.raw
    assert said.root.tag == "{http://iec.ch/TC57/2017/DERGroupsMessage}DERGroupsFaultMessage"
    assert (error["code"], error["level"], error["reason"]) == ("1.8", "FATAL", REASONS["1.8"])
    assert same(error["details"], details, client.actor), error["details"]
    assert error["id"] is None
    assert all_rows_hash() == before
    assert [r.outcome for r in AuditRecord.objects.order_by("pk")[audited:]] == ["refused"]


# --- rows whose answer is no refusal of the whole ------------------------------------------


@pytest.mark.parametrize("door", ["soap", "bare", "generic"])
def test_row_8_without_message_id(doors, world, door):
    message = create_groups(group("n", "N"), message_id="")

    _, said = send(doors, Refusal(8, "", CREATE, message, "", ""), door)

    assert (said.result, said.codes, said.header("CorrelationID")) == ("OK", ["0.0"], None)


@pytest.mark.parametrize("door", ["soap", "bare", "generic"])
@pytest.mark.parametrize("mixed", ["FAILED", "PARTIAL"])
def test_row_12_the_good_ones_are_done(doors, world, settings, door, mixed):
    settings.CIM_MIXED_RESULT = mixed
    message = create_groups(group("n", "N"), group("m1", "other"), group("o", "O"))

    _, said = send(doors, Refusal(12, "", CREATE, message, "", ""), door)

    (error,) = said.errors
    assert (said.result, error["code"], error["level"]) == (mixed, "6.1", "FATAL")
    assert (error["reason"], error["id"]) == (REASONS["6.1"], "m1")
    assert said.texts("mRID") == ["n", "o"]


@pytest.mark.parametrize("door", ["soap", "bare", "generic"])
def test_row_14_what_a_group_does_not_speak_of_is_left_out(doors, world, door):
    message = forecast_query(asked("m1"), start=FAR, parameters=("activePower", "voltage"))

    _, said = send(doors, Refusal(14, "", FORECASTS, message, "", ""), door)

    assert (said.result, said.codes) == ("OK", ["0.0"])
    assert said.texts("DERParameter") == ["activePower"]


def test_row_16_a_stronger_dispatch_stands_in_the_way(doors, world, operator):
    strong = DispatchData(
        group=GroupKey("m1"), parameter="activePower", interval_s=900.0, values=(1000.0,),
        start_at=dt.datetime(2999, 1, 1, tzinfo=dt.UTC), priority=1, mrid="strong",
    )  # fmt: skip
    services.create_dispatch(data=strong, actor=operator.actor)
    before = all_rows_hash()
    message = create_dispatches(dispatch("m1", schedules=schedule((5.0,), start=FAR)))

    _, said = send(doors, Refusal(16, "", DISPATCH, message, "", ""), "soap")

    (error,) = said.errors
    assert (said.result, error["code"], error["reason"]) == ("FAILED", "6.1", REASONS["6.1"])
    assert "strong" in error["details"]
    assert (error["id"], error["kind"], error["type"]) == ("m1", "uuid", "DERGroup")
    assert all_rows_hash() == before


@pytest.mark.parametrize(("door", "status", "code"), [("soap", 413, "3.1"), ("bare", 413, "3.1")])
def test_row_19_body_too_large(doors, world, settings, door, status, code):
    settings.CIM_MAX_BODY_BYTES = 2000
    before = all_rows_hash()
    client = doors[False, door == "soap"]
    path = f"/61968-5/{CHANGE}" if door == "soap" else "/cim"

    answer = client.http.post(path, b"x" * 2001, content_type="text/xml")

    root = etree.fromstring(answer.content)
    assert (answer.status_code, root.findtext(f".//{M}code")) == (status, code)
    assert root.findtext(f".//{M}reason") == REASONS[code]
    assert root.findtext(f".//{M}details") == "The message is larger than 2000 bytes"
    assert all_rows_hash() == before


@pytest.mark.parametrize("path", [f"/61968-5/{CHANGE}", "/cim"])
def test_row_20_who_is_not_known_or_has_no_business_here(db, path):
    before = all_rows_hash()

    nobody = Client().post(path, GOOD, content_type="text/xml")
    viewer = Dms(system(Role.VIEWER)).raw(path, GOOD)

    assert (nobody.status_code, viewer.status_code) == (401, 403)
    assert [row for row in all_rows_hash() if not row[0].startswith("accounts_")] == [
        row for row in before if not row[0].startswith("accounts_")
    ]


@pytest.mark.parametrize("door", ["soap", "bare", "generic"])
def test_row_21_a_message_id_is_good_for_one_message(doors, world, door):
    first = create_groups(group("n", "N"), message_id="once")
    other = create_groups(group("o", "O"), message_id="once")
    _, said = send(doors, Refusal(21, "", CREATE, first, "", ""), door)
    before = all_rows_hash()

    _, again = send(doors, Refusal(21, "", CREATE, first, "", ""), door)
    _, refused = send(doors, Refusal(21, "", CREATE, other, "", ""), door)

    (error,) = refused.errors
    assert again.raw == said.raw
    assert (refused.result, error["code"], error["reason"]) == ("FAILED", "6.1", REASONS["6.1"])
    assert error["details"] == "MessageID once was used before for a different message"
    assert (error["id"], error["kind"], error["type"]) == ("once", "transaction", "Message")
    assert all_rows_hash() == before


@pytest.mark.parametrize("door", ["soap", "bare", "generic"])
@pytest.mark.parametrize(
    "name",
    [
        "CreateDERGroups",
        "ChangeDERGroups",
        "DeleteDERGroups",
        "ExecuteDERGroupsOperationSet",
        "QueryDERGroups",
        "QueryDERGroupStatuses",
        "QueryDERGroupForecasts",
    ],
)
def test_row_22_an_internal_error_says_nothing(doors, world, monkeypatch, name, door):
    def broken(*_, **__):
        raise ZeroDivisionError("secret detail")

    for service in ("create_group", "change_group", "delete_group"):
        monkeypatch.setattr(groups.services, service, broken)
    monkeypatch.setattr(operation_sets, "change_group", broken)
    monkeypatch.setattr(selectors, "get_group", broken)
    before, audited = all_rows_hash(), AuditRecord.objects.count()

    _, said = send(doors, Refusal(22, "", *ALL[name], "", ""), door)

    (error,) = said.errors
    assert (said.status, said.result, error["code"]) == (200, "FAILED", "5.3")
    assert (error["level"], error["reason"]) == ("FATAL", REASONS["5.3"])
    assert error["details"].startswith("Something went wrong inside; quote request ")
    assert b"secret" not in said.raw
    assert b"ZeroDivision" not in said.raw
    assert all_rows_hash() == before
    assert [r.outcome for r in AuditRecord.objects.order_by("pk")[audited:]] == ["refused"]


def test_no_row_is_left_out():
    told = set(ROWS) | {row for row, *_ in FAULTS}
    own = re.findall(r"^def test_row_(\d+)_", Path(__file__).read_text(), re.MULTILINE)
    assert told | set(map(int, own)) == set(range(1, 23))


def test_every_operation_is_in_the_table():
    assert set(ALL) == {operation.name for operation in OPERATIONS}
