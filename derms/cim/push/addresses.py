"""Which addresses we send to: http and https, and no way round to what only this machine sees.

An engineer registers every address. What a registered host name resolves to is another matter:
it may not lead to a link-local or metadata address, unless that very address was registered, nor
to this machine. In production nothing goes to this machine at all unless DERMS_PUSH_LOOPBACK says
so: behind its ports are the database and doors that trust who is inside.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from django.conf import settings

from derms.core.errors import InvalidInputError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_METADATA = {ipaddress.ip_address("100.100.100.200"), ipaddress.ip_address("fd00:ec2::254")}
_MAX = 500


def check_url(url: str, field: str) -> str:
    """Return an address we may be told to send to, without surrounding blanks.

    Raises:
        InvalidInputError: not http or https, no host, with credentials or fragment, or this machine
            where that is not allowed.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        raise InvalidInputError(f"{url[:100]} is not an address", field=field) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_good:
        raise InvalidInputError("An address starts with http:// or https://", field=field)
    if parts.username is not None or parts.fragment or len(url) > _MAX or not url.isprintable():
        raise InvalidInputError(
            "An address holds no credentials and no fragment, and at most 500 characters",
            field=field,
        )
    if _is_here(parts.hostname) and not settings.PUSH_LOOPBACK:
        raise InvalidInputError(
            "An address of this machine needs DERMS_PUSH_LOOPBACK", field=field, code="loopback"
        )
    return url


def resolve(host: str, port: int) -> list[str]:
    """Return the network addresses of a host that we may connect to, in the resolver's order.

    Raises:
        OSError: unknown host, or none of its addresses is allowed.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    every = list(dict.fromkeys(str(address[4][0]) for address in found))
    allowed = [address for address in every if _is_allowed(address, host)]
    if not allowed:
        raise OSError(f"{host} resolves to {every[0]}, which we do not send to")
    return allowed


def _is_allowed(address: str, host: str) -> bool:
    if _is_here(address):
        return settings.PUSH_LOOPBACK and _is_here(host)
    return address == host or not any(map(_is_barred, _meanings(address)))


def _is_here(host: str) -> bool:
    """Say whether a host or address, as it is written, is this machine itself."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return any(ip.is_loopback or ip.is_unspecified for ip in _meanings(host))
    except ValueError:
        return False


def _meanings(address: str) -> list[_Address]:
    """Return an address and the one that an IPv6 address carries inside."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.version == 4:
        return [ip]
    inner = ip.ipv4_mapped or ip.sixtofour
    if ip in _NAT64:
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return [ip, inner] if inner else [ip]


def _is_barred(ip: _Address) -> bool:
    return ip.is_link_local or ip.is_multicast or ip in _METADATA
