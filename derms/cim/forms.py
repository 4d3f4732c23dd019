"""How one message looks from outside: in SOAP, bare, or in the generic messages of 61968-100.

The exchange is the same for all of them. A bare message is the typed one without SOAP around it; a
generic one says by Noun and Verb what the root of a typed one says, and becomes a typed one here.
Source: IEC 61968-100 RequestMessage, EventMessage, ResponseMessage, FaultMessage.
"""

import base64
import binascii
import zlib
from dataclasses import dataclass

from django.conf import settings
from lxml import etree

from derms.cim import envelope, names, soap
from derms.cim.envelope import ReplyError
from derms.cim.operations import Operation
from derms.cim.schema import MessageSet
from derms.cim.soap import SoapFaultError
from derms.core.errors import InvalidInputError, TooLargeError

_M = f"{{{names.ENVELOPE}}}"
_GZIP = 16 + zlib.MAX_WBITS
_HTTP_BAD_REQUEST = 400
_HTTP_ERROR = 500


@dataclass(frozen=True, slots=True)
class Form:
    """One of the three.

    Attributes:
        name: Word for it.
        is_soap: Inside a SOAP envelope.
        is_generic: `ResponseMessage` instead of `<Noun>ResponseMessage`.
    """

    name: str
    is_soap: bool = False
    is_generic: bool = False

    def wrap(self, message: str) -> bytes:
        """Return a message as it goes out."""
        if self.is_soap:
            return soap.wrap(message)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{message}'.encode()

    def fault(self, error: SoapFaultError, messages: MessageSet | None) -> tuple[int, bytes]:
        """Return HTTP status and body that say why something could not be taken as a message.

        Without SOAP it is a FaultMessage, with 400 where SOAP demands 500.
        """
        if self.is_soap:
            return error.http_status, soap.fault(error, messages)
        status = error.http_status
        if status == _HTTP_ERROR and error.fault != "Server":
            status = _HTTP_BAD_REQUEST
        return status, self.wrap(envelope.render_fault(None, ReplyError(error.code, error.message)))


SOAP = Form("soap", is_soap=True)
BARE = Form("bare")
GENERIC = Form("generic", is_generic=True)


def form_of(root: etree._Element) -> Form:
    """Return the form of a message that came without SOAP."""
    is_generic = str(root.tag).startswith(_M)
    return GENERIC if is_generic else BARE


def read_generic(root: etree._Element) -> tuple[str, str]:
    """Return Noun and Verb of a generic message, the Verb in lower case.

    Raises:
        SoapFaultError: no RequestMessage or EventMessage, or a Header without them (1.5).
    """
    if root.tag not in (f"{_M}RequestMessage", f"{_M}EventMessage"):
        raise SoapFaultError(f"Expected a RequestMessage or an EventMessage, found {root.tag}")
    noun = (root.findtext(f"{_M}Header/{_M}Noun") or "").strip()
    verb = (root.findtext(f"{_M}Header/{_M}Verb") or "").strip().lower()
    if not noun or not verb:
        raise SoapFaultError("Header with Verb and Noun is missing", code="1.5")
    return noun, verb


def typed(root: etree._Element, operation: Operation) -> etree._Element:
    """Return the typed message that a generic one stands for; the generic one is used up.

    Raises:
        SoapFaultError: an event in a RequestMessage or the other way round (2.9).
    """
    if (root.tag == f"{_M}EventMessage") != operation.is_event:
        raise SoapFaultError(
            f"Verb {operation.verb!r} does not belong in {etree.QName(root).localname}", code="2.9"
        )
    wrapper = f"{{{names.wrapper(operation.messages.message)}}}"
    message = etree.Element(f"{wrapper}{operation.root}")
    for part in list(root):
        message.append(part)
        is_own = part.tag == f"{_M}Payload" or operation.messages.query
        if part.tag == f"{_M}Header" or not is_own:
            part.tag = _moved(part.tag, wrapper)
            continue
        part.tag = _moved(part.tag, wrapper)
        for child in part:
            child.tag = _moved(child.tag, wrapper)
    return message


def _moved(tag: str, wrapper: str) -> str:
    """Return a tag of the envelope in the namespace of a typed message; others stay."""
    return wrapper + tag.removeprefix(_M) if tag.startswith(_M) else tag


def inflate(part: etree._Element, content: str) -> None:
    """Put what a `Compressed` element holds in its place: base64 of gzip of one XML document.

    Args:
        part: Payload of a typed message; left alone when it has no Compressed.
        content: Tag of the element that belongs there.

    Raises:
        InvalidInputError: something else is in there, or beside it (1.8).
        TooLargeError: more than CIM_MAX_BODY_BYTES come out (3.1).
    """
    wrapper = part.tag[: part.tag.index("}") + 1]
    compressed = part.find(f"{wrapper}Compressed")
    if compressed is None:
        return
    if part.find(content) is not None:
        raise InvalidInputError("A Payload carries its content or Compressed, not both")
    try:
        root = soap.parse(_unzipped(compressed.text or ""))
    except SoapFaultError as error:
        raise InvalidInputError(f"Compressed: {error.message}") from error
    if root.tag != content:
        raise InvalidInputError(f"Compressed holds {root.tag}, expected {content}")
    part.remove(compressed)
    part.insert(0, root)


def _unzipped(text: str) -> bytes:
    limit = settings.CIM_MAX_BODY_BYTES
    unzip = zlib.decompressobj(wbits=_GZIP)
    try:
        packed = base64.b64decode("".join(text.split()), validate=True)
        found = unzip.decompress(packed, limit + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise InvalidInputError("Compressed is no base64 of gzip") from error
    if len(found) > limit:
        raise TooLargeError(f"Compressed holds more than {limit} bytes")
    if not unzip.eof:
        raise InvalidInputError("Compressed ends before its end")
    return found
