"""One HTTP exchange with a partner: kept-alive connections, one deadline, no redirects.

`httpcore` speaks HTTP and TLS; this module says where to, how long and how much.
Source: SOAP 1.1 section 6 (HTTP binding).
"""

import base64
import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

from derms.cim.push import addresses

MAX_REPLY_BYTES = 4 * 2**20
_KEEP_ALIVE_S = 30
_CONNECTIONS = 8


class AwayError(Exception):
    """Nobody is there, or nobody who answers in time."""


@dataclass(frozen=True, slots=True)
class Post:
    """One message on its way.

    Attributes:
        url: Full address.
        soap_action: Without quotes; empty leaves the header empty, as SOAP 1.1 allows.
        body: SOAP envelope.
        authorization: Value of the Authorization header; empty for none.
        connect_s: Time to get a connection [s].
        total_s: Time for the whole exchange [s].
    """

    url: str
    soap_action: str
    body: bytes
    authorization: str
    connect_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    body: bytes
    elapsed_ms: float


def basic(username: str, password: str) -> str:
    """Return the Authorization header of RFC 7617."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


_here = threading.local()  # the deadline of the exchange this thread is in


def _left(timeout: float | None) -> float:
    left: float = _here.deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("no complete reply in time")
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step ends at the deadline: a trickle of bytes does not renew it."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class _Guarded(httpcore.NetworkBackend):
    """Connects to the addresses that `addresses.resolve` allows, and to no other."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            candidates = addresses.resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for address in candidates[:-1]:
            try:
                return self._connect(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(candidates[-1], port, timeout, local_address, socket_options)

    def _connect(self, address: str, port: int, timeout: float | None, *rest: object) -> _Stream:
        return _Stream(self._inner.connect_tcp(address, port, _left(timeout), *rest))  # type: ignore[arg-type] # passed on


@cache
def _tls(ca_file: str) -> ssl.SSLContext:
    """Return what certificates are checked against: the system's authorities and our own."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def certificate_until(url: str, timeout_s: float) -> dt.datetime | None:
    """Return when the TLS certificate of an endpoint ends; None without TLS or an answer.

    Args:
        url: Address of the endpoint.
        timeout_s: For connection and handshake, each [s].
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    try:
        address = addresses.resolve(parts.hostname, parts.port or 443)[0]
        with (
            socket.create_connection((address, parts.port or 443), timeout_s) as plain,
            _tls(settings.PUSH_AUTHORITIES).wrap_socket(
                plain, server_hostname=parts.hostname
            ) as secure,
        ):
            shown = secure.getpeercert() or {}
            ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
    except (OSError, ValueError, KeyError):
        return None
    return dt.datetime.fromtimestamp(ends, tz=dt.UTC)


_pools: dict[int, httpcore.ConnectionPool] = {}


def pool(partner_id: int) -> httpcore.ConnectionPool:
    """Return the connections to one partner; each has its own, so none waits for another's."""
    found = _pools.get(partner_id)
    if found is None:
        fresh = httpcore.ConnectionPool(
            ssl_context=_tls(settings.PUSH_AUTHORITIES),
            max_connections=_CONNECTIONS,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=_Guarded(),
        )
        found = _pools.setdefault(partner_id, fresh)
    return found


def close_all() -> None:
    """Close every connection to every partner."""
    while _pools:
        _pools.popitem()[1].close()


def send(post: Post, connections: httpcore.ConnectionPool) -> Answered:
    """POST one message and return the answer, whatever it says.

    Raises:
        AwayError: no connection, no answer in time, or an answer that is no HTTP or too long.
    """
    started = time.perf_counter()
    _here.deadline = time.monotonic() + post.total_s
    headers = [
        ("Content-Type", "text/xml; charset=utf-8"),
        ("SOAPAction", f'"{post.soap_action}"'),
        ("User-Agent", "DERMS"),
        ("Accept", "text/xml"),
        ("Content-Length", str(len(post.body))),
    ]
    if post.authorization:
        headers.append(("Authorization", post.authorization))
    limits = {"connect": post.connect_s, "pool": post.total_s}
    limits |= {"read": post.total_s, "write": post.total_s}
    try:
        with connections.stream(
            "POST", post.url, headers=headers, content=post.body, extensions={"timeout": limits}
        ) as response:
            body = bytearray()
            for piece in response.iter_stream():
                body += piece
                if len(body) > MAX_REPLY_BYTES:
                    raise AwayError(f"The reply is longer than {MAX_REPLY_BYTES} bytes")
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
        OSError,
        ValueError,
    ) as error:
        raise AwayError(_in_words(error)) from error
    return Answered(response.status, bytes(body), (time.perf_counter() - started) * 1000)


def _in_words(error: Exception) -> str:
    kinds = {
        httpcore.ConnectTimeout: "No connection in time",
        httpcore.ConnectError: "No connection",
        httpcore.PoolTimeout: "No free connection",
        httpcore.TimeoutException: "No answer in time",
        httpcore.RemoteProtocolError: "Not an HTTP answer",
    }
    what = next((text for kind, text in kinds.items() if isinstance(error, kind)), "Broken off")
    said = str(error).strip()
    return f"{what}: {said}"[:400] if said else what
