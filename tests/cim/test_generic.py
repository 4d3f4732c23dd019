"""The generic door: messages by plain HTTP, typed or as RequestMessage and EventMessage."""

import base64
import gzip
import re
import zlib

import pytest
from django.test import Client
from lxml import etree

from derms.accounts.choices import Proof
from derms.cim import schema
from derms.cim.models import CimMessage
from derms.cim.schema import MessageSet
from groups.models import DerGroup, ToldStatus
from tests.cim import messages as build
from tests.cim.conftest import Said, check_reply, make_devices
from tests.cim.messages import BASE, ENVELOPE, asked, create_groups, group, query, soap
from tests.cim.test_attacks import ATTACKS, all_rows_hash
from tests.cim.test_dispatches import soon
from tests.cim.trusting import demand

M = f"{{{ENVELOPE}}}"
_ENVELOPE_SCHEMA = schema.compile_schema(schema.documents(MessageSet("DERGroups")), "Message.xsd")


def generic(typed, root="RequestMessage"):
    """Write a typed message as the generic one: only the names of the wrapper change."""
    element = etree.fromstring(typed)
    wrapper = element.tag[: element.tag.index("}") + 1]
    for child in element.iter(f"{wrapper}*"):
        child.tag = child.tag.replace(wrapper, M)
    element.tag = f"{M}{root}"
    return etree.tostring(element)


class Plain:
    """A client of the generic door; replies are validated against the envelope's schema."""

    def __init__(self, persona):
        self.actor = persona.actor
        self.http = Client(HTTP_AUTHORIZATION=persona.defaults["HTTP_AUTHORIZATION"])

    def raw(self, body, content_type="application/xml", path="/cim"):
        return self.http.post(path, body, content_type=content_type)

    def post(self, body, messages=None):
        """Post; `messages` are the schemas the reply must keep besides the envelope's."""
        response = self.raw(body if isinstance(body, bytes) else body.encode())
        root = etree.fromstring(response.content)
        if messages is None:
            _ENVELOPE_SCHEMA.assertValid(root)
        else:
            check_reply(messages, root)
        return Said(response.status_code, root, response.content)


@pytest.fixture
def plain(dms):
    return Plain(dms)


@pytest.fixture
def told(aggregator):
    """Another party at the generic door."""
    return Plain(aggregator)


def test_request_message_creates_a_group(plain):
    said = plain.post(generic(create_groups(group("", "G", make_devices(2)), message_id="m1")))

    row = DerGroup.objects.get(name="G")
    assert (said.status, said.result, said.root.tag) == (200, "OK", f"{M}ResponseMessage")
    assert (said.header("Noun"), said.header("CorrelationID")) == ("DERGroups", "m1")
    (inner,) = said.payload
    assert inner.tag == f"{{{BASE}DERGroups#}}DERGroups"
    assert said.texts("mRID")[0] == row.mrid
    logged = CimMessage.objects.get()
    assert (logged.path, logged.noun, logged.verb, logged.result) == (
        "cim", "DERGroups", "create", "OK",
    )  # fmt: skip


def test_request_message_asks(plain):
    plain.post(generic(create_groups(group("m1", "G"))))

    for message in (
        query("DERGroupQueries", "DERGroups", asked("m1")),
        query("DERGroupStatusQueries", "DERGroupStatuses", asked("m1")),
        build.forecast_query(asked("m1"), start=soon()),
    ):
        said = plain.post(generic(message))
        assert (said.status, said.result) == (200, "OK")
        assert said.texts("mRID")[-1] == "m1" or "m1" in said.texts("mRID")


def test_typed_message_gets_a_typed_reply(plain):
    said = plain.post(create_groups(group("m1", "G")), MessageSet("DERGroups"))

    assert (said.status, said.result) == (200, "OK")
    assert said.root.tag == f"{{{BASE}DERGroupsMessage}}DERGroupsResponseMessage"


def test_operation_set_by_request_message(plain):
    message = build.operation_set(
        build.operation(1, "create", build.groups_content(group("m1", "G"))), integrity="true"
    )

    said = plain.post(generic(message))

    assert said.result == "OK"
    assert said.root.findtext(f"{M}Reply/{M}operationId") == "1"
    assert DerGroup.objects.filter(mrid="m1").exists()


def test_event_message_tells(told):
    created = build.request(
        "CreatedDERGroups", "DERGroups", "created", build.groups_content(group("p1", "P1"))
    )
    assert told.post(generic(created, "EventMessage")).result == "OK"

    said = told.post(generic(build.statuses("p1"), "EventMessage"))

    assert said.result == "OK"
    assert ToldStatus.objects.get().group.mrid == "p1"


def test_refusals_have_the_codes_of_soap(plain):
    unknown = plain.post(generic(create_groups(group("m1", on=None), verb="delete")))
    invalid = plain.post(generic(create_groups(group("m1", "G", on=None))))
    empty = plain.post(generic(build.request("CreateDERGroups", "DERGroups", "create", None)))

    assert [said.status for said in (unknown, invalid, empty)] == [200] * 3
    assert [said.codes for said in (unknown, invalid, empty)] == [["99.1"], ["1.8"], ["1.7"]]


def test_same_message_again_gets_the_stored_reply(plain, dms_client):
    message = create_groups(group("m1", "G"), message_id="once")

    first, second = plain.post(generic(message)), plain.post(generic(message))
    by_soap = dms_client.post("create/executeDERGroups", message)

    assert first.raw == second.raw
    assert by_soap.codes == ["6.1"]
    assert DerGroup.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (generic(build.request("X", "DERGroups", "created", None)), "2.9"),
        (generic(build.request("X", "DERGroups", "create", None), "EventMessage"), "2.9"),
        (generic(build.request("X", "DERGroups", "close", None)), "2.9"),
        (generic(build.request("X", "Meters", "create", None)), "2.5"),
        (f'<RequestMessage xmlns="{ENVELOPE}"/>'.encode(), "1.5"),
        (f'<ResponseMessage xmlns="{ENVELOPE}"/>'.encode(), "1.8"),
        (b"<CreateDERGroups/>", "1.8"),
        (b'<CreateDERGroups xmlns="urn:other"/>', "1.8"),
        (soap(create_groups(group("m1", "G"))), "1.8"),
        (b"<a><b></a>", "1.8"),
    ],
)
def test_what_is_no_message_gets_a_fault_message(plain, body, code):
    before = all_rows_hash()

    said = plain.post(body)

    assert (said.status, said.root.tag) == (400, f"{M}FaultMessage")
    assert (said.result, said.codes) == ("FAILED", [code])
    assert all_rows_hash() == before


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_change_nothing(plain, name):
    before = all_rows_hash()

    response = plain.raw(ATTACKS[name])

    assert response.status_code == 400
    assert b"root:" not in response.content
    assert all_rows_hash() == before


def test_who_may(plain, viewer, stranger):
    body = generic(create_groups(group("m1", "G")))

    assert Client().post("/cim", body, content_type="text/xml").status_code == 401
    assert plain.http.get("/cim").status_code == 405
    assert plain.raw(body, content_type="application/json").status_code == 415
    assert plain.raw(body, path="/cim/").status_code == 200


def test_aggregator_may_not_command(told):
    assert told.post(generic(create_groups(group("m1", "G")))).codes == ["7.5"]


def packed(message, data=None):
    """Put the content of a typed message into Compressed."""
    inner = re.search(r"<Payload>(.*)</Payload>", message, re.DOTALL)[1]
    data = gzip.compress(inner.encode()) if data is None else data
    text = base64.encodebytes(data).decode()
    return message.replace(inner, f"<Compressed>{text}</Compressed>")


def test_compressed_payload(plain, dms_client):
    said = plain.post(generic(packed(create_groups(group("m1", "G1")))))
    by_soap = dms_client.post("create/executeDERGroups", packed(create_groups(group("m2", "G2"))))
    in_a_set = dms_client.post(
        "change/executeDERGroupsOperationSet",
        build.operation_set(build.operation(1, "create", build.groups_content(group("m3", "G3")))),
    )

    assert (said.result, by_soap.result, in_a_set.result) == ("OK", "OK", "OK")
    assert set(DerGroup.objects.values_list("mrid", flat=True)) == {"m1", "m2", "m3"}


def test_compressed_bomb(plain, settings):
    settings.CIM_MAX_BODY_BYTES = 1 << 20
    bomb = zlib.compressobj(9, wbits=31)
    zeros = b" " * (1 << 20)
    data = b"".join(bomb.compress(zeros) for _ in range(500)) + bomb.flush()
    assert len(data) < 1 << 20

    said = plain.post(generic(packed(create_groups(group("m1", "G")), data)))

    assert said.codes == ["3.1"]


DTD = b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'


@pytest.mark.parametrize(
    "data",
    [
        b"no gzip",
        gzip.compress(b"<other/>"),
        gzip.compress(b"no xml"),
        gzip.compress(DTD),
        gzip.compress(b"<x/>")[:-3],
    ],
)
def test_compressed_that_cannot_be_read(plain, data):
    said = plain.post(generic(packed(create_groups(group("m1", "G")), data)))

    assert said.codes == ["1.8"]
    assert not DerGroup.objects.exists()


def test_compressed_beside_its_content(plain):
    message = create_groups(group("m1", "G")).replace(
        "</Payload>", "<Compressed>x</Compressed></Payload>"
    )

    assert plain.post(generic(message)).codes == ["1.8"]


def test_operation_set_beside_its_noun(plain, dms_client):
    message = create_groups(group("m1", "G")).replace("</Payload>", "<OperationSet/></Payload>")

    for said in (plain.post(generic(message)), dms_client.post("create/executeDERGroups", message)):
        (error,) = said.errors
        assert error["code"] == "1.8"
        assert error["details"] == "OperationSet is not taken by CreateDERGroups"
    assert not DerGroup.objects.exists()


def test_a_client_that_must_sign_is_refused_without_soap(plain, dms):
    demand(dms, Proof.SIGNATURE)

    said = plain.post(generic(create_groups(group("m1", "G"))))

    assert (said.status, said.codes) == (400, ["7.3"])
    assert not DerGroup.objects.exists()


def test_replies_without_soap_are_not_signed(plain, dms, settings):
    settings.CIM_SIGNING_KEY = "not read"
    demand(dms, signs_replies=True)

    said = plain.post(generic(create_groups(group("m1", "G"))))

    assert (said.result, said.root.tag) == ("OK", f"{M}ResponseMessage")
