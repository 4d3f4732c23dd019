"""The table of operations against the reference WSDLs, and the messages we send."""

import pytest
from lxml import etree

from derms.cim import envelope, names, operations, schema
from tests.cim import messages as build
from tests.cim.reference import WSDL, WSDL_9, needs_reference, reference_schema

NS = {
    "w": "http://schemas.xmlsoap.org/wsdl/",
    "s": "http://schemas.xmlsoap.org/wsdl/soap/",
}
M = f"{{{build.ENVELOPE}}}"
OF_61968_9 = {"EndDeviceControls", "EndDeviceEvents", "MeterReadings"}


def told(file):
    """Yield (service, folder, operation, soapAction, root, response root) of a reference WSDL."""
    root = etree.parse(file).getroot()
    elements = {
        m.get("name"): m.find("w:part", NS).get("element").split(":")[1]
        for m in root.iterfind("w:message", NS)
    }
    for bound in root.iterfind("w:binding/w:operation", NS):
        name = bound.get("name")
        port = root.find(f"w:portType/w:operation[@name='{name}']", NS)
        parts = [
            elements[port.find(f"w:{way}", NS).get("message").split(":")[1]]
            for way in ("input", "output")
        ]
        action = bound.find("s:operation", NS).get("soapAction")
        yield (root.get("name"), file.parent.name, name, action, *parts)


@needs_reference
def test_every_operation_is_the_one_of_the_reference():
    theirs = {
        row for file in [*WSDL.glob("*/*.wsdl"), *WSDL_9.glob("*/*.wsdl")] for row in told(file)
    }
    ours = {
        (o.service, o.path.split("/")[0], o.name, o.soap_action, o.root, o.response_root)
        for o in operations.OPERATIONS
        if o.noun != "MeterReadings"  # in no public set
    }

    assert ours == theirs


def test_paths_are_the_services_in_camel_case():
    for operation in operations.OPERATIONS:
        service = operation.path.split("/")[1]
        assert service == operation.service[0].lower() + operation.service[1:]
        family = "61968-9" if operation.noun in OF_61968_9 else "61968-5"
        assert operation.address_path == f"{family}/{operation.path}"


def test_operations_are_found_by_noun_and_verb():
    assert operations.find("DERGroups", "created").name == "CreatedDERGroups"
    assert operations.find("OperationSet", "execute").name == "ExecuteDERGroupsOperationSet"
    assert operations.find("DERGroupsOperationSet", "executed").is_event
    assert not operations.find("DERGroups", "create").is_event
    with pytest.raises(KeyError):
        operations.find("DERGroups", "cancel")


def check(operation, xml):
    root = etree.fromstring(xml)
    ours = schema.compile_schema(
        schema.documents(operation.messages), f"{operation.messages.message}Message.xsd"
    )
    ours.assertValid(root)
    if WSDL.exists():
        reference_schema(operation.messages).assertValid(root)
    return root


@pytest.mark.parametrize("correlation_id", ["", "c-1"])
def test_an_event_we_send_is_valid(correlation_id):
    operation = operations.find("DERGroups", "created")
    payload = build.groups_content(build.full_group())

    root = check(operation, envelope.render_event(operation, payload, "m-1", correlation_id))

    assert root.tag == f"{{{names.wrapper('DERGroups')}}}CreatedDERGroups"
    assert root.findtext(f".//{M}Verb") == "created"
    assert root.findtext(f".//{M}Noun") == "DERGroups"
    assert root.findtext(f".//{M}MessageID") == "m-1"
    assert root.findtext(f".//{M}CorrelationID") == (correlation_id or None)


def test_an_operation_set_we_send_is_valid():
    operation = operations.find("DERGroupsOperationSet", "executed")
    groups = build.groups_content(build.group(name="G", members=["d1"], on=None))
    payload = envelope.render_operation_set(
        [("delete", True, groups), ("change", False, groups)], "DERGroups"
    )

    root = check(operation, envelope.render_event(operation, payload, "m-1"))

    assert [e.text for e in root.iter(f"{M}operationId")] == ["1", "2"]
    assert [e.text for e in root.iter(f"{M}elementOperation")] == ["true", "false"]
    assert root.findtext(f".//{M}Noun") == "OperationSet"
    (inner, _) = root.iter(f"{{{names.profile('DERGroups')}}}DERGroups")
    assert inner.find(".//{*}name").text == "G"


def test_profiles_of_61968_9_keep_their_year():
    assert names.profile("EndDeviceEvents") == "http://iec.ch/TC57/2011/EndDeviceEvents#"
    assert names.wrapper("EndDeviceEvents") == "http://iec.ch/TC57/2017/EndDeviceEventsMessage"
