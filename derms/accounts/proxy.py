"""What the proxy in front says of a request, and from whom that is believed.

A header is only text. X-Forwarded-* and the client certificate count when DERMS_BEHIND_PROXY is
set and the connection comes from one of DERMS_PROXY_ADDRESSES; else they are taken away before
anything reads them.
"""

import hashlib
import ssl
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse

CERTIFICATE = "HTTP_X_CLIENT_CERTIFICATE"
_VERIFIED = "HTTP_X_CLIENT_VERIFY"
_SPOKEN_FOR = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    CERTIFICATE,
    _VERIFIED,
)


@lru_cache(maxsize=8)
def _networks(addresses: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(one, strict=False) for one in addresses)


def is_proxy(address: str) -> bool:
    """Say whether a connection from this address is our proxy's."""
    if not settings.BEHIND_PROXY:
        return False
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    return any(peer in network for network in _networks(tuple(settings.PROXY_ADDRESSES)))


def trusted_headers(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Take away what only a proxy may say when it was not our proxy that said it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not is_proxy(str(request.META.get("REMOTE_ADDR", ""))):
            for name in _SPOKEN_FOR:
                request.META.pop(name, None)
        return get_response(request)

    return middleware


def certificate_of(request: HttpRequest) -> str:
    """Return the client certificate of the TLS connection as PEM; empty when there is none.

    The proxy has verified it against its CA file; only then is it passed on as verified.
    """
    if not is_proxy(str(request.META.get("REMOTE_ADDR", ""))):
        return ""
    if request.META.get(_VERIFIED) != "SUCCESS":
        return ""
    return unquote(str(request.META.get(CERTIFICATE, "")))


def fingerprint_of(pem: str) -> str:
    """Return the SHA-256 fingerprint of a certificate in PEM; empty when it is none."""
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    except ValueError:
        return ""
