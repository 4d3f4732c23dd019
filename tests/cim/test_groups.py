"""DERGroups over SOAP: the EPRI story and every row of the validation table that applies."""

import pytest
from lxml import etree

from derms.audit.models import AuditRecord
from derms.cim.models import CimMessage
from derms.core.actors import Role
from groups.models import DerGroup, Membership
from tests.cim.conftest import Dms, make_devices
from tests.cim.messages import (
    BASE,
    DEFAULT_FUNCTIONS,
    FLAGS,
    FULL_NAME,
    asked,
    create_groups,
    functions,
    group,
    groups_content,
    names,
    query,
    request,
)
from tests.cim.test_attacks import all_rows_hash
from tests.personas import system

CREATE = "create/executeDERGroups"
CHANGE = "change/executeDERGroups"
QUERY = "get/queryDERGroups"
BUSINESS = "Request cancelled per business rule"


def changed(*groups, verb="change", **ids):
    return create_groups(*groups, verb=verb, **ids)


def members_of(name):
    found = Membership.objects.filter(group__name=name, period__upper_inf=True)
    return set(found.values_list("device__mrid", flat=True))


def ask(dms_client, *items):
    return dms_client.post(QUERY, query("DERGroupQueries", "DERGroups", *items))


# --- the story of the public test script --------------------------------------------------


def test_creates_a_group_with_its_members(dms_client):
    members = make_devices(3)

    said = dms_client.post(CREATE, create_groups(group("DG1-mrid", "DG1", members)))

    assert (said.status, said.result, said.codes) == (200, "OK", ["0.0"])
    assert said.payload is None
    created = DerGroup.objects.get()
    assert (created.mrid, created.name, created.member_count) == ("DG1-mrid", "DG1", 3)
    assert members_of("DG1") == set(members)
    assert AuditRecord.objects.get(action="group.create").outcome == "done"


def test_several_groups_in_one_message(dms_client):
    said = dms_client.post(CREATE, create_groups(group("m2", "DG2"), group("m3", "DG3")))

    assert (said.result, said.payload) == ("OK", None)
    assert set(DerGroup.objects.values_list("name", flat=True)) == {"DG2", "DG3"}


def test_missing_mrid_is_assigned_and_told(dms_client):
    members = make_devices(2)

    said = dms_client.post(CREATE, create_groups(group("", "DG6", members)))

    assert said.result == "OK"
    assert said.texts("mRID")[0] == DerGroup.objects.get().mrid
    assert sorted(said.texts("mRID")[1:]) == sorted(members)
    assert said.texts("name") == ["DG6"]


def test_change_by_name_replaces_functions_only(dms_client):
    members = make_devices(2)
    dms_client.post(CREATE, create_groups(group("m1", "DG1", members, description="as it was")))

    said = dms_client.post(CHANGE, changed(group("", "DG1", on=("voltageRegulation",))))

    after = DerGroup.objects.get()
    assert (said.result, said.payload) == ("OK", None)
    assert (after.functions, after.description) == (["voltageRegulation"], "as it was")
    assert members_of("DG1") == set(members)


def test_change_by_mrid_adds_the_member_and_sets_the_version(dms_client):
    old, new = make_devices(2), make_devices(1)
    dms_client.post(CREATE, create_groups(group("m2", "DG2", old)))
    version = "<version><major>1</major><minor>1</minor><revision>0</revision></version>"

    said = dms_client.post(CHANGE, changed(group("m2", "", new, on=None, version=version)))

    after = DerGroup.objects.get()
    assert said.result == "OK"
    assert members_of("DG2") == {*old, *new}
    assert (after.version_major, after.version_minor, after.member_count) == (1, 1, 3)
    assert after.functions == sorted(DEFAULT_FUNCTIONS)


def test_delete_by_name(dms_client):
    dms_client.post(CREATE, create_groups(group("m1", "DG1", make_devices(2))))

    said = dms_client.post(CHANGE, changed(group("", "DG1", on=None), verb="delete"))

    assert (said.result, said.payload) == ("OK", None)
    assert DerGroup.objects.get().deleted_at is not None
    assert members_of("DG1") == set()


def test_query_answers_in_the_order_asked(dms_client):
    members = make_devices(2)
    version = "<version><date>2026-11-20T10:00:00Z</date><major>1</major></version>"
    dms_client.post(
        CREATE, create_groups(group("m2", "DG2"), group("m4", "DG4", members, version=version))
    )

    said = ask(dms_client, asked("", "DG4"), asked("m2"))

    four, two = said.payload.findall(".//{*}EndDeviceGroup")
    assert said.result == "OK"
    assert [g.findtext("{*}mRID") for g in (four, two)] == ["m4", "m2"]
    assert sorted(e.text for e in four.findall("{*}EndDevices/{*}mRID")) == sorted(members)
    assert [e.text for e in four.find("{*}DERFunction")] == [
        "true" if flag in DEFAULT_FUNCTIONS else "false" for flag in FLAGS
    ]
    assert four.findtext("{*}version/{*}date") == "2026-11-20T10:00:00.000Z"
    assert two.find("{*}version") is None


def test_query_naming_nothing_means_all_groups(dms_client):
    dms_client.post(CREATE, create_groups(group("m1", "A"), group("m2", "B")))

    said = ask(dms_client, asked())

    assert said.texts("mRID") == ["m1", "m2"]


def test_query_for_all_of_no_groups_is_ok_without_payload(dms_client):
    said = ask(dms_client, asked())

    assert (said.result, said.codes, said.payload) == ("OK", ["0.0"], None)


def test_names_with_type_and_authority_come_back(dms_client):
    content = group("m", "").replace(
        "</EndDeviceGroup>", f"{FULL_NAME}{names('plain')}</EndDeviceGroup>"
    )

    dms_client.post(CREATE, create_groups(content))
    said = ask(dms_client, asked("m"))

    assert [etree.QName(e).localname for e in said.payload.find(".//{*}Names")] == [
        "name",
        "NameType",
    ]
    assert said.payload.findtext(".//{*}NameTypeAuthority/{*}name") == "a"
    assert DerGroup.objects.get().name == "G"


def test_members_by_name(dms_client):
    by_mrid, by_name = make_devices(2)
    from derms.devices.models import EndDevice

    name = EndDevice.objects.get(mrid=by_name).name
    inner = f"<EndDevices><mRID>{by_mrid}</mRID></EndDevices><EndDevices>{names(name)}</EndDevices>"
    content = group("m", "G").replace("</DERFunction>", f"</DERFunction>{inner}")

    said = dms_client.post(CREATE, create_groups(content))

    assert said.result == "OK"
    assert members_of("G") == {by_mrid, by_name}


# --- section 6 ---------------------------------------------------------------------------

BAD_SCHEMA = {
    "no-function": group("m", "G", on=None),
    "eight-flags": group("m", "G").replace(
        "<voltWattCurveFunction>false</voltWattCurveFunction>", ""
    ),
    "wrong-order": f"<EndDeviceGroup>{names('G')}<mRID>m</mRID>{functions()}</EndDeviceGroup>",
    "flag-no-boolean": group("m", "G").replace(">true<", ">yes<"),
    "version-text": group("m", "G", version="<version><major>one</major></version>"),
    "version-date": group("m", "G", version="<version><date>2026-02-30T00:00:00Z</date></version>"),
    "twice-mrid": group("m", "G").replace("<mRID>", "<mRID>a</mRID><mRID>"),
    "empty": "",
}


@pytest.mark.parametrize("case", BAD_SCHEMA)
def test_row_4_not_schema_valid(dms_client, case):
    before = all_rows_hash()

    said = dms_client.post(
        CREATE, request("CreateDERGroups", "DERGroups", "create", groups_content(BAD_SCHEMA[case]))
    )

    (error,) = said.errors
    assert (said.status, said.result, said.payload) == (200, "FAILED", None)
    assert (error["code"], error["level"]) == ("1.8", "FATAL")
    assert error["reason"] == "Request does not validate against the schema"
    assert "Element" in error["details"]
    assert all_rows_hash() == before
    assert AuditRecord.objects.get(outcome="refused").action == "cim.create_DERGroups"


@pytest.mark.parametrize("missing", ["Verb", "Noun", "Header"])
def test_row_4_header_missing(dms_client, missing):
    root = etree.fromstring(create_groups(group("m", "G")))
    victim = root.find(f".//{{*}}{missing}")
    victim.getparent().remove(victim)

    said = dms_client.post(CREATE, etree.tostring(root).decode())

    assert (said.result, said.codes) == ("FAILED", ["1.5"])
    assert DerGroup.objects.count() == 0


@pytest.mark.parametrize("content", [None, ""])
def test_row_5_payload_missing(dms_client, content):
    said = dms_client.post(CREATE, request("CreateDERGroups", "DERGroups", "create", content))

    (error,) = said.errors
    assert (error["code"], error["level"], said.payload) == ("1.7", "FATAL", None)
    assert error["reason"] == "Mandatory Payload elements missing"
    assert "missing" in error["details"]


def test_row_6_request_missing(dms_client):
    root = etree.fromstring(query("DERGroupQueries", "DERGroups", asked()))
    root.remove(root[1])

    said = dms_client.post(QUERY, etree.tostring(root).decode())

    assert (said.result, said.codes) == ("FAILED", ["1.6"])


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (">create<", ">delete<", "2.9"),
        (">create<", ">nonsense<", "2.9"),
        (">DERGroups<", ">Meters<", "2.5"),
    ],
)
def test_row_7_verb_or_noun_does_not_fit(dms_client, old, new, code):
    said = dms_client.post(CREATE, create_groups(group("m", "G")).replace(old, new))

    assert (said.result, said.codes) == ("FAILED", [code])
    assert DerGroup.objects.count() == 0


def test_row_8_message_id_missing_is_accepted(dms_client):
    said = dms_client.post(CREATE, create_groups(group("m", "G"), message_id=""))

    assert (said.result, said.header("CorrelationID")) == ("OK", None)


@pytest.mark.parametrize(
    ("path", "verb"), [(CREATE, "create"), (CHANGE, "change"), (CHANGE, "delete")]
)
@pytest.mark.parametrize("blank", ["", "<Names><name> </name></Names>"])
def test_row_9_group_without_identification(dms_client, path, verb, blank):
    nameless = group().replace("</EndDeviceGroup>", f"{blank}</EndDeviceGroup>")

    said = dms_client.post(path, create_groups(nameless, verb=verb))

    (error,) = said.errors
    assert (said.result, error["code"], error["id"]) == ("FAILED", "1.7", None)
    assert error["details"] == "DERGroup has neither mRID nor Names"


@pytest.mark.parametrize(
    ("mrid", "name", "kind", "value"),
    [("m1", "other", "uuid", "m1"), ("other", "DG1", "name", "DG1")],
)
def test_row_10_duplicate_key(dms_client, mrid, name, kind, value):
    dms_client.post(CREATE, create_groups(group("m1", "DG1")))
    before = all_rows_hash()

    said = dms_client.post(CREATE, create_groups(group(mrid, name, make_devices(0))))

    (error,) = said.errors
    assert (said.result, said.payload) == ("FAILED", None)
    assert (error["code"], error["level"], error["reason"]) == ("6.1", "FATAL", BUSINESS)
    assert value in error["details"]
    assert (error["id"], error["kind"], error["type"]) == (value, kind, "DERGroup")
    assert all_rows_hash() == before


@pytest.mark.parametrize(("mrid", "name", "kind"), [("ghost", "", "uuid"), ("", "ghost", "name")])
@pytest.mark.parametrize("verb", ["change", "delete", "get"])
def test_row_11_unknown_group(dms_client, verb, mrid, name, kind):
    if verb == "get":
        said = ask(dms_client, asked(mrid, name))
    else:
        said = dms_client.post(CHANGE, changed(group(mrid, name), verb=verb))

    (error,) = said.errors
    assert (said.result, said.payload) == ("FAILED", None)
    assert (error["code"], error["level"]) == ("99.1", "FATAL")
    assert error["details"] == "DERGroup does not exist"
    assert (error["id"], error["kind"], error["type"]) == ("ghost", kind, "DERGroup")


@pytest.mark.parametrize("setting", ["FAILED", "PARTIAL"])
def test_row_12_good_ones_are_done_and_bad_ones_told(dms_client, settings, setting):
    settings.CIM_MIXED_RESULT = setting

    said = dms_client.post(
        CREATE, create_groups(group("", "DG4"), group("", "DG5", ["ghost"]), group("m", "DG6"))
    )

    (error,) = said.errors
    assert (said.result, error["code"]) == (setting, "6.1")
    assert (error["id"], error["kind"], error["type"]) == ("ghost", "uuid", "EndDevice")
    assert set(DerGroup.objects.values_list("name", flat=True)) == {"DG4", "DG6"}
    assert said.texts("name") == ["DG4", "DG6"]


def test_row_12_query_with_one_unknown_group_carries_the_known(dms_client):
    dms_client.post(CREATE, create_groups(group("m6", "DG6")))

    said = ask(dms_client, asked("", "DG6"), asked("", "DG7"))

    assert (said.result, said.codes) == ("FAILED", ["99.1"])
    assert said.errors[0]["id"] == "DG7"
    assert said.texts("mRID") == ["m6"]


@pytest.mark.parametrize("verb", ["create", "change"])
def test_row_13_unknown_or_not_approved_member(dms_client, verb):
    good = make_devices(1)
    barred = make_devices(1, eligible=False)
    if verb == "change":
        dms_client.post(CREATE, create_groups(group("m", "G")))
    path = CREATE if verb == "create" else CHANGE
    before = all_rows_hash()

    for bad in ("ghost", barred[0]):
        said = dms_client.post(path, create_groups(group("m", "G", [*good, bad]), verb=verb))

        (error,) = said.errors
        assert (said.result, error["code"], error["reason"]) == ("FAILED", "6.1", BUSINESS)
        assert (error["id"], error["kind"], error["type"]) == (bad, "uuid", "EndDevice")
        assert bad in error["details"]
    assert all_rows_hash() == before


def test_row_13_member_without_identification(dms_client):
    content = group("m", "G").replace("</DERFunction>", "</DERFunction><EndDevices/>")

    said = dms_client.post(CREATE, create_groups(content))

    assert (said.result, said.codes) == ("FAILED", ["1.7"])


def test_mrid_and_name_of_different_groups(dms_client):
    dms_client.post(CREATE, create_groups(group("m1", "A"), group("m2", "B")))

    said = ask(dms_client, asked("m1", "B"))

    assert (said.result, said.codes) == ("FAILED", ["2.29"])


@pytest.mark.parametrize(
    "content",
    [
        group("m" * 129, "G"),
        group("m", "G" * 201),
        group("m", "G", version="<version><major>99999999999</major></version>"),
        group("m", "G", version="<version><date>12026-01-01T00:00:00Z</date></version>"),
    ],
)
def test_row_16_valid_by_schema_but_unusable(dms_client, content):
    said = dms_client.post(CREATE, create_groups(content))

    assert (said.result, said.codes) == ("FAILED", ["6.1"])
    assert DerGroup.objects.count() == 0


def test_row_20_no_or_wrong_credentials(dms_client, client):
    body = b"<x/>"
    nobody = client.post(f"/61968-5/{CREATE}", body, content_type="text/xml")
    wrong = client.post(
        f"/61968-5/{CREATE}", body, content_type="text/xml", HTTP_AUTHORIZATION="Basic YTpi"
    )

    for response in (nobody, wrong):
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Basic")
    assert CimMessage.objects.count() == 0


def test_row_20_session_of_a_person_is_no_client(operator):
    response = operator.post(f"/61968-5/{CREATE}", b"<x/>", content_type="text/xml")

    assert response.status_code == 401


def test_row_20_client_without_the_permission(aggregator):
    said = Dms(aggregator).post(CREATE, create_groups(group("m", "G")))

    assert (said.status, said.result, said.codes) == (200, "FAILED", ["7.5"])
    assert DerGroup.objects.count() == 0
    assert AuditRecord.objects.get(outcome="refused").actor_name == aggregator.actor.name


def test_row_20_client_without_cim(db):
    response = Dms(system(Role.VIEWER)).raw(f"/61968-5/{CREATE}", b"<x/>")

    assert response.status_code == 403


def test_bearer_token(dms, client):
    token = f"{dms.client_id}.{dms.secret}"

    response = client.post(
        f"/61968-5/{QUERY}",
        query("DERGroupQueries", "DERGroups", asked()),
        content_type="text/xml",
        HTTP_AUTHORIZATION=f"Bearer {token}",
    )

    assert response.status_code == 500  # no SOAP envelope, but let in
    assert b"Expected a SOAP 1.1 Envelope" in response.content


def test_row_22_internal_error_says_nothing(dms_client, monkeypatch):
    from groups import services

    def broken(**_):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(services, "create_group", broken)

    said = dms_client.post(CREATE, create_groups(group("m", "G"), message_id="x1"))

    (error,) = said.errors
    assert (said.status, said.result, error["code"]) == (200, "FAILED", "5.3")
    assert b"secret" not in said.raw
    logged = CimMessage.objects.get()
    assert logged.request_correlation_id in error["details"]
    assert not logged.holds_message_id


# --- what a fault says about the operation ------------------------------------------------


def test_row_2_root_of_another_service(dms_client):
    said = dms_client.post(CREATE, create_groups(group("m", "G"), verb="change"))

    assert (said.status, said.result) == (500, "FAILED")
    assert said.errors[0]["details"].startswith(
        f"Unexpected wrapper element {{{BASE}DERGroupsMessage}}ChangeDERGroups found. Expected "
        f"{{{BASE}DERGroupsMessage}}CreateDERGroups"
    )


def test_row_2_soap_action_of_another_operation(dms_client):
    said = dms_client.post(
        CHANGE,
        changed(group("m", "G")),
        action='"http://iec.ch/TC57/2017/DERGroups/DeleteDERGroups"',
    )

    assert (said.status, said.result) == (500, "FAILED")
    assert "SOAPAction" in said.errors[0]["details"]


def test_unknown_service_and_method(dms_client):
    assert dms_client.raw("/61968-5/create/executeNothing", b"<x/>").status_code == 404
    assert dms_client.http.put(f"/61968-5/{CREATE}").status_code == 405
    assert dms_client.http.get(f"/61968-5/{CREATE}").status_code == 405


def test_group_that_stands_twice_in_a_message_is_done_once(dms_client):
    members = make_devices(3)
    dms_client.post(CREATE, create_groups(group("m1", "G1", members[:1])))
    again = group("m1", members=members[1:2], on=None)
    other = group("m1", members=members[2:], on=None)

    said = dms_client.post(CHANGE, create_groups(again, other, verb="change"))

    assert (said.result, said.codes) == ("FAILED", ["6.1"])
    assert "more than once" in said.errors[0]["details"]
    assert DerGroup.objects.get(mrid="m1").member_count == 2
