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
from derms.cim.operations import OPERATIONS
from derms.core.actors import Role
from dispatch import services
from dispatch.rules.request import DispatchData
from groups import selectors
from groups.cim import operation_sets
from groups.rules.definition import GroupKey
from tests.cim.conftest import Dms
from tests.cim.doors import DOORS, Doors
from tests.cim.messages import (
    asked,
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
    CREATE,
    DISPATCH,
    FAR,
    FORECASTS,
    REASONS,
    REFUSALS,
)
from tests.cim.test_attacks import all_rows_hash
from tests.personas import system

M = "{http://iec.ch/TC57/2011/schema/message}"


@pytest.fixture
def doors(dms, aggregator):
    return Doors(dms, aggregator)


def same(details, wanted, actor):
    wanted = wanted.replace("{actor}", actor.name)
    return details.startswith(wanted[:-3]) if wanted.endswith("...") else details == wanted


ROWS = sorted({case.row for case in REFUSALS})


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("row", ROWS)
def test_refused_to_the_letter(doors, row, door):
    before = all_rows_hash()

    for case in REFUSALS:
        if case.row == row and door in case.doors:
            audited = AuditRecord.objects.count()
            said = doors.send(door, case.path, case.message, by_party=case.by_party)
            check(said, case, doors.actor(by_party=case.by_party))
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
def test_faults_to_the_letter(doors, row, body, action, details):
    before, audited = all_rows_hash(), AuditRecord.objects.count()
    client = doors.soap[False]

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


@pytest.mark.parametrize("door", DOORS)
def test_row_8_without_message_id(doors, door):
    message = create_groups(group("n", "N"), message_id="")

    said = doors.send(door, CREATE, message)

    assert (said.result, said.codes, said.header("CorrelationID")) == ("OK", ["0.0"], None)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("mixed", ["FAILED", "PARTIAL"])
def test_row_12_the_good_ones_are_done(doors, settings, door, mixed):
    settings.CIM_MIXED_RESULT = mixed
    message = create_groups(group("n", "N"), group("m1", "other"), group("o", "O"))

    said = doors.send(door, CREATE, message)

    (error,) = said.errors
    assert (said.result, error["code"], error["level"]) == (mixed, "6.1", "FATAL")
    assert (error["reason"], error["id"]) == (REASONS["6.1"], "m1")
    assert said.texts("mRID") == ["n", "o"]


@pytest.mark.parametrize("door", DOORS)
def test_row_14_what_a_group_does_not_speak_of_is_left_out(doors, door):
    message = forecast_query(asked("m1"), start=FAR, parameters=("activePower", "voltage"))

    said = doors.send(door, FORECASTS, message)

    assert (said.result, said.codes) == ("OK", ["0.0"])
    assert said.texts("DERParameter") == ["activePower"]


def test_row_16_a_stronger_dispatch_stands_in_the_way(doors, operator):
    strong = DispatchData(
        group=GroupKey("m1"), parameter="activePower", interval_s=900.0, values=(1000.0,),
        start_at=dt.datetime(2999, 1, 1, tzinfo=dt.UTC), priority=1, mrid="strong",
    )  # fmt: skip
    services.create_dispatch(data=strong, actor=operator.actor)
    before = all_rows_hash()
    message = create_dispatches(dispatch("m1", schedules=schedule((5.0,), start=FAR)))

    said = doors.send("soap", DISPATCH, message)

    (error,) = said.errors
    assert (said.result, error["code"], error["reason"]) == ("FAILED", "6.1", REASONS["6.1"])
    assert "strong" in error["details"]
    assert (error["id"], error["kind"], error["type"]) == ("m1", "uuid", "DERGroup")
    assert all_rows_hash() == before


@pytest.mark.parametrize(("door", "status", "code"), [("soap", 413, "3.1"), ("bare", 413, "3.1")])
def test_row_19_body_too_large(doors, settings, door, status, code):
    settings.CIM_MAX_BODY_BYTES = 2000
    before = all_rows_hash()
    client = (doors.soap if door == "soap" else doors.plain)[False]
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


@pytest.mark.parametrize("door", DOORS)
def test_row_21_a_message_id_is_good_for_one_message(doors, door):
    first = create_groups(group("n", "N"), message_id="once")
    other = create_groups(group("o", "O"), message_id="once")
    said = doors.send(door, CREATE, first)
    before = all_rows_hash()

    again = doors.send(door, CREATE, first)
    refused = doors.send(door, CREATE, other)

    (error,) = refused.errors
    assert again.raw == said.raw
    assert (refused.result, error["code"], error["reason"]) == ("FAILED", "6.1", REASONS["6.1"])
    assert error["details"] == "MessageID once was used before for a different message"
    assert (error["id"], error["kind"], error["type"]) == ("once", "transaction", "Message")
    assert all_rows_hash() == before


@pytest.mark.parametrize("door", DOORS)
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
def test_row_22_an_internal_error_says_nothing(doors, monkeypatch, name, door):
    def broken(*_, **__):
        raise ZeroDivisionError("secret detail")

    for service in ("create_group", "change_group", "delete_group"):
        monkeypatch.setattr(groups.services, service, broken)
    monkeypatch.setattr(operation_sets, "change_group", broken)
    monkeypatch.setattr(selectors, "get_group", broken)
    before, audited = all_rows_hash(), AuditRecord.objects.count()

    said = doors.send(door, *ALL[name])

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
