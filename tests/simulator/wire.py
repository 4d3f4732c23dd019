"""A Modbus TCP client that can also misbehave: plain sockets, nothing of ours nor of a library."""

import contextlib
import socket
import struct
from collections.abc import Iterator


def frame(pdu: bytes, transaction: int = 7, unit: int = 1) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def read(address: int, count: int) -> bytes:
    return struct.pack(">BHH", 3, address, count)


@contextlib.contextmanager
def connected(port: int, timeout_s: float = 2.0) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as link:
        yield link


def receive(link: socket.socket) -> tuple[int, bytes]:
    """One whole frame: (transaction, PDU); ConnectionError when the peer hangs up."""
    head = exactly(link, 7)
    transaction, protocol, length, unit = struct.unpack(">HHHB", head)
    assert (protocol, unit) == (0, 1)
    return transaction, exactly(link, length - 1)


def exactly(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = link.recv(count - len(data))
        if not part:
            raise ConnectionError("the peer hung up")
        data += part
    return data


def ask(link: socket.socket, pdu: bytes, transaction: int = 7) -> bytes:
    link.sendall(frame(pdu, transaction))
    answered, reply = receive(link)
    assert answered == transaction
    return reply
