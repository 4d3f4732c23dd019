"""What our schemas say of a message that is already there: for people who look at the log."""

from lxml import etree

from derms.cim import names, schema, soap
from derms.cim.operations import OPERATIONS
from derms.cim.schema import MessageSet
from derms.cim.soap import SoapFaultError


def first_fault(body: bytes) -> str:
    """Return the first violation in a message, in SOAP or bare; empty when it is valid.

    A SOAP fault is checked by the FaultMessage in its detail; one without is valid.
    """
    try:
        root = soap.parse(body)
        message = soap.message_in(root) if root.tag == f"{{{names.SOAP}}}Envelope" else root
    except SoapFaultError as error:
        return error.message
    if message.tag == f"{{{names.SOAP}}}Fault":
        inner = message.find("detail/*")
        if inner is None:
            return ""
        message = inner
    candidates = _sets_of(message)
    if not candidates:
        return f"There is no schema for {message.tag}"
    # A reply of several operations has one name; any of their schemas will do.
    faults = [schema.check(messages, message) for messages in candidates]
    return "" if "" in faults else faults[0]


def _sets_of(message: etree._Element) -> list[MessageSet]:
    name = etree.QName(message)
    found: dict[MessageSet, None] = {}
    for operation in OPERATIONS:
        stem = operation.messages.message
        roots = {operation.root, operation.response_root, f"{stem}FaultMessage"}
        if name.namespace == names.wrapper(stem) and name.localname in roots:
            found[operation.messages] = None
    return list(found)
