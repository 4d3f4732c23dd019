"""SOAP 1.1: from bytes to the one message inside, and faults back.

Anything that cannot be read as one message of the service becomes a fault, HTTP 500.
Source: SOAP 1.1 sections 4 and 6.2; section 6 rows 1-3 of docs/standards/61968-5.md.
"""

from lxml import etree

from derms.cim import envelope, names, schema
from derms.cim.envelope import ReplyError
from derms.cim.markup import leaf, node, text
from derms.cim.schema import MessageSet
from derms.cim.security.names import WSSE, wsse

_ENVELOPE_12 = "http://www.w3.org/2003/05/soap-envelope"


class SoapFaultError(Exception):
    """The body cannot be taken as a message.

    Args:
        message: One sentence for the sender.
        fault: `Client`, `VersionMismatch`, `MustUnderstand` or `Server`; or `wsse:` and a fault of
            WS-Security.
        code: 61968-100 code for the detail.
        http_status: 500 by the SOAP binding; 413 and 415 where HTTP says it better.
    """

    def __init__(
        self, message: str, *, fault: str = "Client", code: str = "1.8", http_status: int = 500
    ) -> None:
        """See the class."""
        super().__init__(message)
        self.message = message
        self.fault = fault
        self.code = code
        self.http_status = http_status


def unwrap(body: bytes) -> etree._Element:
    """Return the message element of a SOAP envelope, whatever its Security header says.

    Raises:
        SoapFaultError: not well-formed, with a DTD, not SOAP 1.1, or not exactly one message.
    """
    return message_in(open_envelope(body))


def open_envelope(body: bytes) -> etree._Element:
    """Return the SOAP envelope of a request; what its Security header says is not checked here.

    Raises:
        SoapFaultError: not well-formed, with a DTD, not SOAP 1.1, or with a header block that
            must be understood and is not.
    """
    root = parse(body)
    if root.tag == f"{{{_ENVELOPE_12}}}Envelope":
        raise SoapFaultError("This service speaks SOAP 1.1", fault="VersionMismatch")
    if root.tag != f"{{{names.SOAP}}}Envelope":
        raise SoapFaultError(f"Expected a SOAP 1.1 Envelope, found {root.tag}")
    for block in root.iterfind(f"{{{names.SOAP}}}Header/*"):
        is_ours = block.tag == wsse("Security")
        if block.get(f"{{{names.SOAP}}}mustUnderstand") in ("1", "true") and not is_ours:
            raise SoapFaultError(
                f"The SOAP header {block.tag} is not understood", fault="MustUnderstand"
            )
    return root


def message_in(root: etree._Element) -> etree._Element:
    """Return the one message of a SOAP envelope.

    Raises:
        SoapFaultError: none, or more than one.
    """
    messages = root.findall(f"{{{names.SOAP}}}Body/*")
    if len(messages) != 1:
        raise SoapFaultError(f"The SOAP Body must hold one message, found {len(messages)}")
    message: etree._Element = messages[0]
    return message


def parse(body: bytes) -> etree._Element:
    """Return the root of an XML document.

    Raises:
        SoapFaultError: not well-formed, or with a DTD.
    """
    try:
        root = etree.fromstring(body, schema.parser())
    except (etree.XMLSyntaxError, LookupError, ValueError) as error:
        raise SoapFaultError(f"The XML cannot be read: {str(error)[:300]}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise SoapFaultError("A document type declaration is not allowed")
    return root


def wrap(message: str) -> bytes:
    """Return the SOAP envelope around a message."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soap:Envelope xmlns:soap="{names.SOAP}"><soap:Body>{message}</soap:Body></soap:Envelope>'
    ).encode()


def fault(error: SoapFaultError, messages: MessageSet | None) -> bytes:
    """Return a SOAP fault; its detail is the noun's FaultMessage where the noun is known."""
    detail = ""
    if messages is not None:
        item = ReplyError(error.code, error.message)
        detail = node("detail", envelope.render_fault(messages, item))
    spaces: dict[str, str | None] = {"xmlns:wsse": WSSE}
    code = node("faultcode", text(error.fault), **spaces)
    if not error.fault.startswith("wsse:"):
        code = leaf("faultcode", f"soap:{error.fault}")
    return wrap(node("soap:Fault", code, leaf("faultstring", error.message), detail))
