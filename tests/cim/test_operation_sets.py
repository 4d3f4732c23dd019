"""OperationSets over SOAP: order, all or nothing, members removed, errors with their operation."""

import pytest
from django.db import connection

from derms.audit.models import AuditRecord
from groups.models import DerGroup
from groups.selectors import member_ids
from tests.cim.conftest import make_devices
from tests.cim.messages import (
    BASE,
    asked,
    create_groups,
    group,
    groups_content,
    operation,
    operation_set,
    query,
)
from tests.cim.test_attacks import all_rows_hash

SET = "change/executeDERGroupsOperationSet"


def ask(dms_client, *operations, **more):
    return dms_client.post(SET, operation_set(*operations, **more))


def op(number, verb, *groups, **more):
    return operation(number, verb, groups_content(*groups), **more)


def operation_ids(said):
    return [e.findtext("{*}operationId") for e in said.root.iter("{*}Error")]


def members_of(mrid):
    return len(member_ids(DerGroup.objects.get(mrid=mrid).pk))


@pytest.fixture
def dg3(dms_client):
    members = make_devices(4)
    dms_client.post("create/executeDERGroups", create_groups(group("m3", "DG3", members)))
    return members


def test_delete_of_elements_removes_the_members_listed(dms_client, dg3):
    said = ask(dms_client, op(1, "delete", group("m3", members=dg3[:1], on=None), elements="true"))

    assert (said.result, said.codes, said.header("Noun")) == ("OK", ["0.0"], "OperationSet")
    assert said.root.findtext("{*}Reply/{*}operationId") == "1"
    assert said.payload is None
    shown = dms_client.post(
        "get/queryDERGroups", query("DERGroupQueries", "DERGroups", asked("m3"))
    )
    assert [e.findtext("{*}mRID") for e in shown.root.iter("{*}EndDevices")] == dg3[1:]


def test_several_verbs_in_the_sequence_presented(dms_client, dg3):
    new = make_devices(2)

    said = ask(
        dms_client,
        op(7, "create", group("m9", "DG9", new[:1])),
        op(5, "change", group("m9", members=new[1:], on=None)),
        op(6, "create", group("m9", members=dg3[:1], on=None), elements="true"),
        op(2, "delete", group("m3", on=None)),
        sequence="true",
    )  # fmt: skip

    assert (said.result, said.codes) == ("OK", ["0.0"])
    assert said.root.findtext("{*}Reply/{*}operationId") is None
    assert members_of("m9") == 3
    assert DerGroup.objects.get(mrid="m3").deleted_at is not None


def test_assigned_mrid_comes_back_with_its_operation(dms_client):
    said = ask(dms_client, op(1, "create", group("m1", "A")), op(4, "create", group("", "B")))

    (shown,) = said.root.iter("{*}Operation")
    assert shown.findtext("{*}operationId") == "4"
    assert shown.findtext(".//{*}mRID") == DerGroup.objects.get(name="B").mrid


def test_without_integrity_the_good_ones_are_done(dms_client, dg3):
    said = ask(
        dms_client,
        op(1, "delete", group("ghost", on=None)),
        op(2, "change", group("m3", on=None, description="new")),
        op(3, "create", group("m3", "other")),
    )

    assert (said.result, said.codes, operation_ids(said)) == ("FAILED", ["99.1", "6.1"], ["1", "3"])
    assert DerGroup.objects.get(mrid="m3").description == "new"


def test_with_integrity_a_failing_last_operation_undoes_everything(dms_client, dg3):
    new = make_devices(2)
    before, refused = all_rows_hash(), AuditRecord.objects.count()

    said = ask(
        dms_client,
        op(1, "create", group("m9", "DG9", new)),
        op(2, "change", group("m3", members=new, on=None)),
        op(3, "delete", group("m3", members=dg3[:2], on=None), elements="true"),
        op(4, "delete", group("ghost", on=None)),
        integrity="true",
    )  # fmt: skip

    assert (said.result, said.payload) == ("FAILED", None)
    assert list(zip(operation_ids(said), said.codes, strict=True)) == [
        ("1", "5.9"), ("2", "5.9"), ("3", "5.9"), ("4", "99.1"),
    ]  # fmt: skip
    assert said.errors[3]["id"] == "ghost"
    assert all_rows_hash() == before
    (record,) = AuditRecord.objects.order_by("id")[refused:]
    assert record.action == "cim.execute_DERGroupsOperationSet"


def test_with_integrity_a_failing_first_operation_stops_the_rest(dms_client, dg3):
    before = all_rows_hash()

    said = ask(
        dms_client, op(1, "delete", group("ghost", on=None)), op(2, "delete", group("m3", on=None)),
        integrity="1",
    )  # fmt: skip

    assert list(zip(operation_ids(said), said.codes, strict=True)) == [("1", "99.1"), ("2", "5.9")]
    assert all_rows_hash() == before


def test_repeated_set_gets_the_stored_reply(dms_client, dg3):
    message = operation_set(
        op(1, "delete", group("ghost", on=None)), op(2, "create", group("", "B")),
        integrity="true", message_id="set-1",
    )  # fmt: skip

    first = dms_client.post(SET, message)
    second = dms_client.post(SET, message)

    assert first.raw == second.raw


WITHOUT_ID = op(1, "delete", group("m3", on=None)).replace("<m:operationId>1</m:operationId>", "")


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ([op(1, "delete", group("m3", on=None)), op(1, "delete", group("m3", on=None))], "1.8"),
        (["<!-- none -->"], "1.7"),
        ([WITHOUT_ID], "1.8"),
        ([op("1" * 30, "delete", group("m3", on=None))], "6.1"),
        ([op(k, "delete", group("m3", on=None)) for k in range(1001)], "3.1"),
    ],
    ids=["twice", "none", "without-id", "beyond-32-bits", "too-many"],
)  # fmt: skip
def test_set_refused_as_a_whole(dms_client, dg3, operations, code):
    before = all_rows_hash()

    said = ask(dms_client, *operations)

    assert (said.result, said.codes) == ("FAILED", [code])
    assert all_rows_hash() == before


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (op(8, "create", group("m9", "DG9", on=None)), "1.8"),
        (op(8, "change", group("m3", on=None), "<x/>"), "1.8"),
        (op(8, "change"), "1.8"),
        (operation(8, "delete", f'<DERGroupStatuses xmlns="{BASE}DERGroupStatuses#"/>'), "1.7"),
        (operation(8, "delete", ""), "1.7"),
        (op(8, "cancel", group("m3", on=None)), "2.9"),
        (op(8, "delete", group("m3", on=None)).replace("<m:verb>delete</m:verb>", ""), "2.9"),
        (op(8, "delete", group("m3", on=None), noun="EndDeviceControls"), "2.5"),
        (op(8, "delete", group("m3", on=None), elements="true"), "1.7"),
        (op(8, "delete", group(on=None)), "1.7"),
        (op(8, "delete", group("m3", members=["ghost"], on=None), elements="true"), "6.1"),
        (op(8, "create", group("m8", "DG8", ["ghost"])), "6.1"),
    ],
)
def test_bad_operation_is_told_by_its_id(dms_client, dg3, bad, code):
    said = ask(dms_client, op(1, "change", group("m3", on=None, description="kept")), bad)

    assert (said.codes, operation_ids(said)) == ([code], ["8"])
    assert DerGroup.objects.get(mrid="m3").description == "kept"


def test_upper_case_verbs_are_taken(dms_client, dg3):
    assert ask(dms_client, op(1, "DELETE", group("m3", on=None))).result == "OK"


def test_payload_without_operation_set(dms_client):
    message = (
        operation_set()
        .replace("OperationSet>", "Other>")
        .replace("DERGroupsOther", "DERGroupsOperationSet")
    )
    inner = message.index("<Payload>")
    message = message[:inner] + "</ExecuteDERGroupsOperationSet>"

    said = dms_client.post(SET, message)

    assert (said.result, said.codes) == ("FAILED", ["1.7"])


def test_aggregator_may_not(dg3, aggregator):
    from tests.cim.conftest import Dms

    said = ask(Dms(aggregator), op(1, "delete", group("m3", on=None)))

    assert said.codes == ["7.5"]
    assert connection.in_atomic_block
