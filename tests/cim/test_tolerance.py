"""What real clients do that the letter does not allow, or only just. Section 6, last paragraph."""

import datetime as dt
import re

import pytest
from django.db import transaction
from lxml import etree

from derms.cim.operations import get
from groups.models import DerGroup
from tests.cim.conftest import make_devices
from tests.cim.doors import DOORS, Doors
from tests.cim.messages import TIME, asked, create_groups, group, query, soap
from tests.cim.refusals import ALL

CREATE = "create/executeDERGroups"
ACTION = "http://iec.ch/TC57/2017/DERGroups/CreateDERGroups"


def ok(response):
    return response.status_code == 200 and b"<m:Result>OK</m:Result>" in response.content


@pytest.mark.parametrize(
    "path",
    [
        "/61968-5/create/executeDERGroups",
        "//61968-5/create/executeDERGroups",
        "/61968-5//create//executeDERGroups",
        "/create/executeDERGroups",
        "/61968-5/61968-5/create/executeDERGroups",
        "/61968-5/create/executeDERGroups/",
        "/61968-5/create/ExecuteDERGroups",
    ],
)
def test_paths_clients_use(dms_client, path):
    # PATH_INFO, because Django's test client takes a leading // for a host.
    body = soap(create_groups(group("m", "G")))

    assert ok(dms_client.http.post("/", body, content_type="text/xml", PATH_INFO=path))


@pytest.mark.parametrize("action", [None, "", '""', ACTION, f'"{ACTION}"', "CreateDERGroups"])
def test_soap_action_missing_quoted_or_short(dms_client, action):
    headers = {} if action is None else {"SOAPAction": action}

    assert ok(dms_client.raw(f"/{CREATE}", soap(create_groups(group("m", "G"))), **headers))


@pytest.mark.parametrize("content_type", ["text/xml", "text/xml; charset=UTF-8", "application/xml"])
def test_media_types(dms_client, content_type):
    body = soap(create_groups(group("m", "G")))

    assert ok(dms_client.raw(f"/{CREATE}", body, content_type=content_type))


@pytest.mark.parametrize("prefix", ["s", "SOAP-ENV", "x1", "soapenv"])
def test_any_soap_prefix(dms_client, prefix):
    assert ok(dms_client.raw(f"/{CREATE}", soap(create_groups(group("m", "G")), prefix)))


@pytest.mark.parametrize("verb", ["CREATE", "Create", " create "])
def test_verbs_are_folded(dms_client, verb):
    message = create_groups(group("m", "G")).replace(">create<", f">{verb}<")

    said = dms_client.post(CREATE, message)

    assert (said.result, said.header("Verb")) == ("OK", "reply")


@pytest.mark.parametrize("noun", ["DERGroups", "DEGroups", "DERGroup"])
def test_misspelt_nouns_are_taken(dms_client, noun):
    message = create_groups(group("m", "G")).replace(">DERGroups<", f">{noun}<")

    said = dms_client.post(CREATE, message)

    assert (said.result, said.header("Noun")) == ("OK", "DERGroups")


def test_query_noun_is_taken_in_a_query(dms_client):
    message = query("DERGroupQueries", "DERGroups", asked())
    message = message.replace(">DERGroups<", ">DERGroupQueries<")

    assert dms_client.post("get/queryDERGroups", message).result == "OK"


def test_no_soap_header_comments_hints_and_extra_elements(dms_client):
    body = soap(create_groups(group("m", "G"))).decode()
    body = body.replace("<soapenv:Header/>", "<!-- no header -->")
    body = body.replace(
        "<EndDeviceGroup>",
        '<EndDeviceGroup xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="urn:x file:///etc/passwd http://127.0.0.1:9/x.xsd"><!-- c -->',
    )
    body = body.replace("</Header>", '<n1:auto-generated_for_wildcard xmlns:n1="urn:n"/></Header>')

    assert ok(dms_client.raw(f"/{CREATE}", body.encode()))


def test_end_of_a_day_is_the_start_of_the_next(dms_client):
    version = "<version><date>2026-11-20T24:00:00Z</date></version>"

    assert dms_client.post(CREATE, create_groups(group("m", "G", version=version))).result == "OK"
    assert DerGroup.objects.get().version_date == dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "read"), [("007", 7), ("+7", 7), ("0" * 5000 + "7", 7), ("-0", 0), ("00", 0)]
)
def test_integers_as_the_schema_allows_them(dms_client, text, read):
    version = f"<version><major>{text}</major></version>"

    assert dms_client.post(CREATE, create_groups(group("m", "G", version=version))).result == "OK"
    assert DerGroup.objects.get().version_major == read


@pytest.mark.parametrize("stamp", [TIME, "2026-11-20T10:00:00", "2026-11-20T10:00:00.1+05:30"])
def test_timestamps(dms_client, stamp):
    version = f"<version><date>{stamp}</date><major>1</major></version>"
    message = create_groups(group("m", "G", version=version)).replace(TIME, stamp)

    assert dms_client.post(CREATE, message).result == "OK"
    assert DerGroup.objects.get().version_date is not None


def test_mrid_that_is_no_uuid_and_blanks_around_it(dms_client):
    (device,) = make_devices(1)

    said = dms_client.post(
        CREATE, create_groups(group("\n a020f04f/4321 é \n", "G", [f" {device} "]))
    )

    assert said.result == "OK"
    assert DerGroup.objects.get().mrid == "a020f04f/4321 é"
    assert DerGroup.objects.get().member_count == 1


def test_utf16_body(dms_client):
    body = soap(create_groups(group("m", "Zürich"))).decode().replace("UTF-8", "UTF-16")

    assert ok(dms_client.raw(f"/{CREATE}", body.encode("utf-16")))
    assert DerGroup.objects.get().name == "Zürich"


@pytest.mark.parametrize(
    ("message_id", "correlation_id", "echoed"),
    [("m1", "c1", "c1"), ("m2", "", "m2"), ("", "", None)],
)
def test_correlation_of_the_reply(dms_client, message_id, correlation_id, echoed):
    message = create_groups(group("m", "G"), message_id=message_id, correlation_id=correlation_id)

    said = dms_client.post(CREATE, message)

    assert said.header("CorrelationID") == echoed
    assert re.fullmatch(r"[0-9a-f-]{36}", said.header("MessageID"))
    assert said.header("MessageID") != message_id


def test_year_of_the_namespaces_is_one_setting(dms_client, settings):
    settings.CIM_NAMESPACE_YEAR = 2031
    old = create_groups(group("m", "G"))

    new = dms_client.raw(f"/{CREATE}", soap(old.replace("/2017/", "/2031/")))
    refused = dms_client.raw(f"/{CREATE}", soap(old))

    assert ok(new)
    assert b"http://iec.ch/TC57/2031/DERGroupsMessage" in new.content
    assert (refused.status_code, b"Unexpected wrapper element" in refused.content) == (500, True)


# --- the same for every operation, by SOAP and by plain HTTP ---------------------------------


def header_with(name, value):
    return lambda message: re.sub(rf"<m:{name}>[^<]*<", f"<m:{name}>{value}<", message, count=1)


def misspelt(message):
    noun = re.search("<m:Noun>([^<]*)<", message)[1]
    return header_with("Noun", noun[:2] + noun[3:])(message)


def with_odd_prefixes(message):
    """Every element gets a prefix, the root declares them all."""
    root = etree.fromstring(message)
    spaces = list(dict.fromkeys(etree.QName(e).namespace for e in root.iter("*")))
    odd = etree.Element(root.tag, nsmap={f"_x.{n}-": space for n, space in enumerate(spaces)})
    odd[:] = list(root)
    etree.cleanup_namespaces(odd, keep_ns_prefixes=list(odd.nsmap))
    return etree.tostring(odd, encoding="unicode")


VARIATIONS = {
    "verb-upper": lambda m: re.sub(
        "<m:Verb>(.*?)<", lambda hit: f"<m:Verb>{hit[1].upper()}<", m, count=1),
    "verb-blanks": lambda m: re.sub("<m:Verb>(.*?)<", r"<m:Verb>\n \1 <", m, count=1),
    "noun-misspelt": misspelt,
    "odd-prefixes": with_odd_prefixes,
    "no-zone": header_with("Timestamp", "2026-11-20T10:00:00"),
    "seven-digits": header_with("Timestamp", "2026-11-20T10:00:00.1234567+01:00"),
    "id-no-uuid": header_with("MessageID", "no uuid / 4321 é"),
    "comments": lambda m: re.sub(">([^<>]{2,})</", r">\1<!-- c --></", m).replace(
        "</m:Verb>", "<!-- in the Verb --></m:Verb>"),
    "cdata": lambda m: re.sub(">([^<>]+)</", r"><![CDATA[\1]]></", m),
    "hints": lambda m: re.sub(
        "(<[A-Za-z]+ )", r'\1xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        r'xsi:schemaLocation="urn:x http://127.0.0.1:9/x.xsd" ', m, count=1),
    "wildcard": lambda m: m.replace(
        "</Header>", '<n1:auto-generated_for_wildcard xmlns:n1="urn:n">x</n1:auto-generated_'
        "for_wildcard></Header>"),
    "pretty": lambda m: m.replace("><", ">\r\n\t<"),
}  # fmt: skip


@pytest.fixture
def doors(dms, aggregator):
    return Doors(dms, aggregator)


def answered(doors, door, operation, message):
    """Return all of an answer that tells how a message was understood; what it did is undone."""
    path, _ = ALL[operation]
    with transaction.atomic():
        said = doors.send(door, path, message, by_party=get(operation).is_event)
        transaction.set_rollback(True)
    errors = [(e["code"], e["details"], e["id"]) for e in said.errors]
    return said.status, said.result, said.header("Noun"), said.texts("DERParameter"), errors


@pytest.mark.parametrize("door", DOORS)
def test_every_operation_takes_it(doors, door):
    for operation, (_, message) in ALL.items():
        as_usual = answered(doors, door, operation, message)
        assert as_usual[-1][0][0] != "1.8", (operation, as_usual)
        for name, vary in VARIATIONS.items():
            varied = vary(message)
            assert varied != message, name
            assert answered(doors, door, operation, varied) == as_usual, (operation, name)


PATHS = ["/61968-5/{}", "/61968-9/{}", "//61968-5/{}", "/61968-5//{}", "/{}", "//{}", "/{}/",
         "/61968-5/61968-5/{}"]  # fmt: skip


def test_every_service_is_found_with_and_without_prefix(doors):
    for path, message in ALL.values():
        for form in PATHS:
            answer = doors.soap[False].http.post(
                "/", soap(message), content_type="text/xml", PATH_INFO=form.format(path)
            )
            assert (answer.status_code, b"Result>" in answer.content) == (200, True), form


@pytest.mark.parametrize("form", ["{}", '"{}"', "'{}'", "", '""', "short"])
def test_every_operation_by_its_action(doors, form):
    for operation, (path, message) in ALL.items():
        full = get(operation).soap_action
        action = operation if form == "short" else form.format(full)

        assert (
            doors.soap[False].raw(f"/{path}", soap(message), SOAPAction=action).status_code == 200
        )


@pytest.mark.parametrize("path", ["/cim", "//cim", "/cim/", "//cim//"])
@pytest.mark.parametrize("media_type", ["text/xml", "application/xml", "text/xml;charset=UTF-8"])
def test_plain_door(doors, path, media_type):
    answer = doors.plain[False].http.post(
        "/", ALL["CreateDERGroups"][1], content_type=media_type, PATH_INFO=path
    )

    assert ok(answer)
