"""Messages of a public test project, sent as they are and filled in.

They hold real mistakes of real clients. Sent without SOAPAction, as one of its senders does, and to
the path the project gives, or by plain HTTP; `ANSWERS` says what the page of the standard wants.
"""

import csv
import uuid

import pytest
from lxml import etree

from derms.accounts.models import Organisation
from derms.cim import registry
from derms.core import clock
from tests.cim.conftest import Dms, make_devices
from tests.cim.messages import FLAGS, create_groups, group
from tests.cim.reference import SAMPLES, SOAP, body_of, needs_reference
from tests.cim.test_attacks import all_rows_hash
from tests.cim.test_dispatches import report, soon

M = "{http://iec.ch/TC57/2011/schema/message}"
OK = ("OK", ["0.0"])
NO_DATE = "FAILED", ["7.7"]  # Created of its ReplayDetection is no date: not let in
VERB = "FAILED", ["2.9"]

AS_THEY_ARE = {
    "change_ExecuteDERGroups/teststep__DeleteDERGroups__DeleteDERGroups": OK,
    "change_ReceiveDERGroupStatuses/teststep__ChangedDERGroupStatuses__ChangedDERGroupStatuses":
        VERB,  # change for changed
    "change_ReceiveDERGroups/teststep__ChangedDERGroups__ChangedDERGroups": VERB,
    "change_ReceiveDERGroupsOperationSet/teststep__ExecutedDERGroupsOperationSet__Test_Request":
        VERB,  # and it has no Payload
    "create_ExecuteDERGroupDispatches/teststep__CreateDERGroupDispatches__CreateDERGroupDispatches":
        ("FAILED", ["1.8"]),  # yMultiplier 1.1
    "create_ExecuteDERGroups/request-template__CreateDERGroups__Request_1": OK,
    "create_ReceiveDERGroupForecasts/teststep__CreatedDERGroupForecasts__CreatedDERGroupForecasts":
        VERB,  # create for created
    "create_ReceiveDERGroups/teststep__CreatedDERGroups__CreatedDERGroups": VERB,
    "get_QueryDERGroupForecasts/teststep__QueryDERGroupForecasts__QueryDERGroupForecasts":
        ("FAILED", ["6.1"]),  # of 2017, wholly past
    "get_QueryDERGroupStatuses/teststep__QueryDERGroupStatuses__QueryDERGroupStatuses": OK,
    "get_QueryDERGroups/teststep__QueryDERGroups__QueryDERGroups": OK,
    "create_ExecuteEndDeviceControls/teststep__CreateEndDeviceControls__CreateEndDeviceControls":
        ("FAILED", ["2.15"]),  # type "?"
    "create_ReceiveEndDeviceEvents/request-template__CreatedEndDeviceEvents__Request_1":
        ("FAILED", ["1.8"]),  # no EndDeviceEventType
    "create_ReceiveEndDeviceEvents/teststep__CreatedEndDeviceEvents__CreatedEndDeviceEvents":
        ("FAILED", ["1.7"]),  # no device
}  # fmt: skip
FILLED = {
    "CreateDERGroups": OK,
    "ChangeDERGroups": OK,
    "DeleteDERGroups": OK,
    "ExecuteDERGroupsOperationSet": ("FAILED", ["1.7"]),  # the skeleton has no content in it
    "DERGroupQueriesRequestMessage": OK,
    "DERGroupStatusQueriesRequestMessage": OK,
    "DERGroupForecastQueriesRequestMessage": OK,
    "CreateDERGroupDispatches": OK,
    "CreateEndDeviceControls": OK,
    "CreatedDERGroups": OK,
    "ChangedDERGroups": OK,
    "DeletedDERGroups": OK,
    "ExecutedDERGroupsOperationSet": ("FAILED", ["1.7"]),
    "ChangedDERGroupStatuses": OK,
    "CreatedDERGroupForecasts": OK,
    "CreatedEndDeviceEvents": OK,
}
NOT_BOTH = {"OperationSet", "Compressed", "NameType"}  # beside the content; a type of no name
NOT_FOR_DER = {"PanDemandResponse", "PanDisplay", "PanPricing", "priceSignal",
               "secondaryDeviceTiming", "UsagePointGroups", "UsagePoints"}  # fmt: skip
POINTING = {"EndDeviceGroup", "EndDeviceGroups", "EndDevices", "Assets"}
NUMBERS = {"yUnitInstalledMax", "yUnitInstalledMin", "maxYValue", "minYValue", "nominalYValue",
           "timeIntervalDuration", "intervalNumber", "numberOfIntervals", "major", "minor",
           "revision", "operationId", "drProgramLevel"}  # fmt: skip
WORDS = {
    "flowDirection": "forward", "DERParameter": "activePower", "yMultiplier": "k", "yUnit": "W",
    "curveStyleKind": "constantYValue", "timeIntervalUnit": "m", "confidence": "80",
    "AsyncReplyFlag": "false", "AckRequired": "false", "enforceMsgSequence": "true",
    "enforceTransactionalIntegrity": "true", "noun": "DERGroups", "verb": "delete",
    "isPan": "false", "randomisation": "none", "durationIndefinite": "false",
    "drProgramMandatory": "true", "Context": "PRODUCTION", "duration": "50",
}  # fmt: skip


def manifest():
    if not SAMPLES.exists():
        return []
    with (SAMPLES / "MANIFEST.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["file"].startswith("soapui/")]


def key(row):
    return row["file"].removeprefix("soapui/61968-5_").removeprefix("soapui/61968-9_")[:-4]


def is_skeleton(row):
    return b">?</" in (SAMPLES / row["file"]).read_bytes()


def wanted(row):
    """Return the HTTP status, result and codes for a sample as it is."""
    if row["verdict"] == "EMPTY-BODY" or row["root_element"].endswith("ResponseMessage"):
        return 500, "FAILED", ["1.8"]
    return 200, *(NO_DATE if is_skeleton(row) else AS_THEY_ARE[key(row)])


@pytest.fixture
def clients(dms, aggregator):
    """The DMS and another party, each with a group and a device of its own."""
    ours, theirs = Dms(dms), Dms(aggregator)
    members = make_devices(3)
    (told,) = make_devices(1, owner=Organisation.objects.get(kind="aggregator"))
    report(members)
    for client, verb, mrid in ((ours, "create", "1234"), (theirs, "created", "p1")):
        message = create_groups(group(mrid, f"Group {mrid}", members[:2]), verb=verb)
        path = "create/executeDERGroups" if client is ours else "create/receiveDERGroups"
        assert client.post(path, message).result == "OK"
    return (ours, members[2]), (theirs, told)


def path_of(row):
    """Where the project sends it; skeletons carry the address of the WSDL instead."""
    profile = registry.profile_of(row["root_element"])
    if row["endpoint_path"].startswith("/TC57") or not row["endpoint_path"]:
        return f"/61968-5/{profile.operation.path if profile else 'create/executeDERGroups'}"
    return row["endpoint_path"]


def send(client, row, body, door):
    if door == "soap":
        answer = client.http.post("/", body, content_type="text/xml", PATH_INFO=path_of(row))
    else:
        answer = client.raw("/cim", etree.tostring(body_of(body)))
    root = etree.fromstring(answer.content)
    codes = [code.text for code in root.iter(f"{M}code")]
    return answer.status_code, root.findtext(f".//{M}Result"), codes


def client_for(row, clients):
    is_event = "_Receive" in row["file"] or "_eceive" in row["file"]
    return clients[1 if is_event else 0]


@needs_reference
@pytest.mark.parametrize("door", ["soap", "plain"])
@pytest.mark.parametrize("row", manifest(), ids=key)
def test_as_they_are(clients, row, door):
    body = (SAMPLES / row["file"]).read_bytes()
    status, result, codes = wanted(row)
    if door == "plain":
        if row["verdict"] == "EMPTY-BODY":
            pytest.skip("there is no message in it")
        status = 400 if status == 500 else 200
    before = all_rows_hash()

    said = send(client_for(row, clients)[0], row, body, door)

    assert said == (status, result, codes)
    assert result == "OK" or all_rows_hash() == before


@needs_reference
def test_the_action_of_another_operation_is_a_contradiction(clients):
    name = "61968-5_change_ExecuteDERGroups/teststep__DeleteDERGroups__DeleteDERGroups.xml"
    body = (SAMPLES / "soapui" / name).read_bytes()
    action = "http://iec.ch/TC57/2017/DERGroups/DeleteDERGroups"

    said = clients[0][0].raw("/create/executeDERGroups", body, SOAPAction=action)

    assert said.status_code == 500
    assert b"DERGroupsFaultMessage" in said.content


def is_one_of(element, names):
    return etree.QName(element).localname in names


def fill(body, device):
    """Return a skeleton with its placeholders filled in, as a person would do it."""
    root = etree.fromstring(body)
    message = root.find(f"{SOAP}Body/*")
    operation = registry.profile_of(etree.QName(message).localname).operation
    barred = NOT_FOR_DER | NOT_BOTH
    barred -= {"OperationSet"} if operation.messages.operation_set else set()
    for part in [e for e in message.iter("{*}*") if is_one_of(e, barred)]:
        part.getparent().remove(part)
    mrid = "p1" if operation.is_event else "1234"
    if operation.name in ("CreateDERGroups", "CreatedDERGroups"):
        mrid = "new"
    words = WORDS | {"Verb": operation.verb, "Noun": operation.messages.header_noun}
    ref = f"2.31.0.{42 if operation.is_event else 18}"
    for element in message.iter("{*}*"):
        for attribute in element.attrib:
            element.set(attribute, {"kind": "uuid", "ref": ref}.get(attribute, "DERGroup"))
        if element.text == "?":
            element.text = filling(element, words, mrid, device)
    return root, message


def filling(element, words, mrid, device):
    name = etree.QName(element).localname
    if name == "mRID" and is_one_of(element.getparent(), POINTING):
        return device if is_one_of(element.getparent(), ("EndDevices", "Assets")) else mrid
    if name in ("startTime", "start", "StartTime", "end", "EndTime"):
        return soon(60 if name.startswith(("end", "End")) else 10)
    if name == "Created" or name.lower().endswith(("date", "datetime", "timestamp")):
        return clock.now().isoformat()
    known = words | dict.fromkeys(NUMBERS, "1") | dict.fromkeys(FLAGS, "true")
    return known.get(name, uuid.uuid4().hex)


@needs_reference
@pytest.mark.parametrize("door", ["soap", "plain"])
@pytest.mark.parametrize(
    "row",
    [r for r in manifest() if is_skeleton(r) and not r["root_element"].endswith("ResponseMessage")],
    ids=key,
)
def test_skeletons_filled_in(clients, row, door):
    client, device = client_for(row, clients)
    root, message = fill((SAMPLES / row["file"]).read_bytes(), device)
    for names in [n for n in message.iter("{*}Names") if is_one_of(n.getparent(), POINTING)]:
        names.getparent().remove(names)  # the mRID says it; a name that is not theirs would not

    said = send(client, row, etree.tostring(root), door)

    assert said == (200, *FILLED[row["root_element"]]), etree.tostring(message).decode()
