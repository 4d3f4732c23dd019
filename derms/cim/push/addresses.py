"""Which addresses we send to: http and https, and no way round to what only this machine sees.

An engineer registers every address. What a registered host name resolves to is another matter:
it may not lead to a link-local or metadata address, unless that very address was registered.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from derms.core.errors import InvalidInputError

_METADATA = {ipaddress.ip_address("100.100.100.200"), ipaddress.ip_address("fd00:ec2::254")}
_MAX = 500


def check_url(url: str, field: str) -> str:
    """Return an address we may be told to send to, without surrounding blanks.

    Raises:
        InvalidInputError: not http or https, no host, or with credentials, query or fragment.
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
    return url


def resolve(host: str, port: int) -> list[str]:
    """Return the network addresses of a host that we may connect to, in the resolver's order.

    Raises:
        OSError: unknown host, or none of its addresses is allowed.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    every = list(dict.fromkeys(str(address[4][0]) for address in found))
    allowed = [address for address in every if address == host or not _is_barred(address)]
    if not allowed:
        raise OSError(f"{host} resolves to {every[0]}, which we do not send to")
    return allowed


def _is_barred(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return ip.is_link_local or ip.is_multicast or ip.is_unspecified or ip in _METADATA
