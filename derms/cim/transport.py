"""HTTP side of the CIM door: who sends, how much, in what media type.

Source: SOAP 1.1 section 6 (HTTP binding); RFC 7617 (Basic), RFC 6750 (Bearer).
"""

from dataclasses import dataclass
from typing import IO

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from derms.accounts.selectors import address_of
from derms.accounts.services import Caller
from derms.cim import soap
from derms.cim.exchange import Incoming
from derms.cim.forms import SOAP, form_of
from derms.cim.security.admission import NOTHING_SHOWN, admit
from derms.cim.security.errors import TrustError
from derms.cim.security.redaction import without_password
from derms.cim.soap import SoapFaultError
from derms.core.actors import Actor

_CHUNK = 1 << 16
_DRAIN_FACTOR = 4
# Who shows nothing by HTTP or TLS may still do so in the message, which has to be read for it.
_STRANGERS_BYTES = 1 << 20
_STRANGERS_KEPT = 1 << 16
_XML_TYPES = {"text/xml", "application/xml", ""}


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that is answered with a fault before it is read.

    Attributes:
        fault: What to say.
        actor: Who it is logged for.
        body: What of it the log keeps.
        signs: The sender wants our answers signed.
        wait_s: It has shown too many bad proofs: to be told to wait, and not to be logged [s].
    """

    fault: SoapFaultError
    actor: Actor
    body: bytes
    signs: bool = False
    wait_s: int = 0


def take(
    request: HttpRequest, path: str, caller: Caller | None, *, is_soap: bool = True
) -> Incoming | Refused | None:
    """Read a POST and say who sent it and whether it may be read on.

    Args:
        request: The POST.
        path: Path of the service.
        caller: Who HTTP and TLS say it is; None when they say nothing.
        is_soap: A SOAP envelope; else the message itself, which carries no security header.

    Returns:
        The message for the exchange; what to refuse it with; or None when nobody has shown
        anything of who he is, which HTTP answers by 401.
    """
    body, root = b"", None
    signs = caller is not None and caller.client.signs_replies
    try:
        body = read_body(request, settings.CIM_MAX_BODY_BYTES if caller else _STRANGERS_BYTES)
        root = soap.open_envelope(body) if is_soap else soap.parse(body)
        admitted = admit(root, caller, is_secure=request.is_secure(), address=address_of(request))
        form = SOAP if is_soap else form_of(root)
    except TrustError as error:
        if error.cim_code == NOTHING_SHOWN:
            return None
        fault = SoapFaultError(error.message, fault=f"wsse:{error.fault}", code=error.cim_code)
        kept = without_password(body, root)
        kept = kept if error.actor.mrid else kept[:_STRANGERS_KEPT]
        return Refused(fault, error.actor, kept, signs, error.wait_s)
    except SoapFaultError as error:
        if caller is None:
            return None
        return Refused(error, caller.actor, without_password(body, root), signs)
    action = request.headers.get("SOAPAction", "")
    return Incoming(path, action, without_password(body, root), admitted, form)


def read_body(request: HttpRequest, limit: int) -> bytes:
    """Return the body of a POST, of a declared length or chunked, of at most `limit` bytes.

    An oversized body is read and thrown away up to four times the limit, so that the client gets
    to see the answer instead of a broken connection; memory stays flat.

    Raises:
        SoapFaultError: wrong media type or a content coding (415), no length (411), too large
            (413, code 3.1), or shorter than announced.
    """
    media_type = request.content_type or ""
    if media_type not in _XML_TYPES:
        raise SoapFaultError(f"Send text/xml, not {media_type[:80]}", http_status=415)
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise SoapFaultError(f"Content-Encoding {coding[:40]} is not taken", http_status=415)
    announced = request.META.get("CONTENT_LENGTH") or ""
    if announced.isdecimal():
        return _announced(request, int(announced), limit)
    if request.META.get("wsgi.input_terminated"):
        body = request.META["wsgi.input"].read(limit + 1)
        if len(body) > limit:
            _drain(request.META["wsgi.input"], limit * _DRAIN_FACTOR)
            raise _too_large(limit)
        return bytes(body)
    raise SoapFaultError("Say the Content-Length", http_status=411)


def _announced(request: HttpRequest, length: int, limit: int) -> bytes:
    if length > limit:
        _drain(request, limit * _DRAIN_FACTOR)
        raise _too_large(limit)
    try:
        body = request.body
    except (OSError, RequestDataTooBig) as error:
        raise SoapFaultError("The body could not be read") from error
    if len(body) != length:
        raise SoapFaultError("The body is shorter than its Content-Length")
    return body


def _drain(stream: IO[bytes] | HttpRequest, most: int) -> None:
    while most > 0 and (piece := stream.read(_CHUNK)):
        most -= len(piece)


def _too_large(limit: int) -> SoapFaultError:
    return SoapFaultError(f"The message is larger than {limit} bytes", code="3.1", http_status=413)
