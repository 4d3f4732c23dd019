"""HTTP side of the CIM door: who sends, how much, in what media type.

Source: SOAP 1.1 section 6 (HTTP binding); RFC 7617 (Basic), RFC 6750 (Bearer).
"""

from typing import IO

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from derms.accounts.api.authentication import ClientBasicAuthentication, ClientBearerAuthentication
from derms.accounts.selectors import find_actor
from derms.cim.soap import SoapFaultError
from derms.core.actors import Actor

_CHUNK = 1 << 16
_DRAIN_FACTOR = 4
_XML_TYPES = {"text/xml", "application/xml", ""}


def authenticate(request: HttpRequest) -> Actor | None:
    """Return the API client that sends, by the same Basic and Bearer rules as REST; else None."""
    carrier = Request(request)
    for scheme in (ClientBasicAuthentication(), ClientBearerAuthentication()):
        try:
            if scheme.authenticate(carrier) is not None:
                return find_actor(request)
        except AuthenticationFailed:
            return None
    return None


def read_body(request: HttpRequest) -> bytes:
    """Return the body of a POST, of a declared length or chunked.

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
    limit = settings.CIM_MAX_BODY_BYTES
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
