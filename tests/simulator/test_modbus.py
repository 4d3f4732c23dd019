"""Framing, functions and exceptions on the wire."""

import struct

import pytest

from derms.southbound.simulator.points import BASE_ADDRESS, END_COLUMN, POINTS
from tests.simulator import wire
from tests.simulator.conftest import write_request


@pytest.fixture
def battery(running):
    return running.port(running.first("battery"))


def address_of(key):
    return BASE_ADDRESS + POINTS[key].column


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        (b"\x01\x00\x00\x00\x01", 1),  # read coils
        (b"\x04\x9c\x40\x00\x01", 1),  # read input registers
        (b"\x2b\x0e\x01\x00", 1),
        (wire.read(BASE_ADDRESS, 0), 3),
        (wire.read(BASE_ADDRESS, 126), 3),
        (wire.read(BASE_ADDRESS - 1, 1), 2),
        (wire.read(0, 2), 2),
        (wire.read(BASE_ADDRESS + END_COLUMN[True] + 1, 2), 2),
        (wire.read(65535, 1), 2),
        (b"\x03\x9c\x40\x00", 3),
        (struct.pack(">BHH", 6, address_of("701.W"), 1), 2),  # read only
        (struct.pack(">BHH", 6, BASE_ADDRESS, 1), 2),
        (struct.pack(">BHH", 6, BASE_ADDRESS - 1, 1), 2),
        (struct.pack(">BHH", 6, address_of("704.WSetEna"), 2), 3),  # no such value
        (struct.pack(">BHH", 6, address_of("704.WSetEna"), 0xFFFF), 3),  # "not implemented"
        (struct.pack(">BHH", 6, address_of("704.WSet"), 1), 3),  # half of a 32-bit point
        (struct.pack(">BHH", 6, address_of("704.WSet") + 1, 1), 3),
        (write_request("704.WMaxLimPct", 101, 0.1), 3),
        (write_request("704.WSet", -(2**31)), 3),
        (write_request("702.WMax", 65000), 3),  # above the rating
        (write_request("702.WMax", 0), 3),
        (struct.pack(">BHHB", 16, address_of("704.WSetEna"), 0, 0), 3),
        (struct.pack(">BHHB", 16, address_of("704.WSetEna"), 124, 248) + b"\0" * 244, 3),
        (struct.pack(">BHHBH", 16, address_of("704.WSetEna"), 1, 4, 1), 3),
        (struct.pack(">BHHBH", 16, address_of("704.WSetEna"), 2, 4, 1), 3),
        (b"\x10\x9c", 3),
    ],
)
def test_answers_exception(battery, pdu, code):
    with wire.connected(battery) as link:
        reply = wire.ask(link, pdu)
        still = wire.ask(link, wire.read(BASE_ADDRESS, 2))

    assert reply == bytes((pdu[0] | 0x80, code))
    assert still == b"\x03\x04SunS"


def test_map_of_a_device_without_storage_ends_before_713(running):
    end = BASE_ADDRESS + END_COLUMN[False]

    with wire.connected(running.port(running.first("pv"))) as link:
        assert wire.ask(link, wire.read(end, 2)) == b"\x03\x04\xff\xff\x00\x00"
        assert wire.ask(link, wire.read(end, 3)) == b"\x83\x02"


def test_a_write_is_taken_whole_or_not_at_all(running):
    port = running.port(running.first("battery", 1))
    start = address_of("704.WSetEna")
    # WSetEna = 1, WSetMod = 1, then WSet "not implemented".
    bad = struct.pack(">BHHBHHI", 16, start, 4, 8, 1, 1, 0x80000000)

    with wire.connected(port) as link:
        before = wire.ask(link, wire.read(start, 4))
        reply = wire.ask(link, bad)
        after = wire.ask(link, wire.read(start, 4))

    assert reply == b"\x90\x03"
    assert after == before


def test_single_register_write_is_echoed_and_readable(running):
    port = running.port(running.first("battery", 2))
    request = struct.pack(">BHH", 6, address_of("704.WSetMod"), 0)

    with wire.connected(port) as link:
        assert wire.ask(link, request) == request
        assert wire.ask(link, wire.read(address_of("704.WSetMod"), 1)) == b"\x03\x02\0\0"


def test_frames_may_arrive_in_pieces_or_together(battery):
    one = wire.frame(wire.read(BASE_ADDRESS, 2), transaction=1)
    two = wire.frame(wire.read(BASE_ADDRESS + 2, 2), transaction=2)

    with wire.connected(battery) as link:
        for byte in one:
            link.sendall(bytes((byte,)))
        first = wire.receive(link)
        link.sendall(one + two)
        both = [wire.receive(link), wire.receive(link)]

    assert first == (1, b"\x03\x04SunS")
    assert both == [first, (2, b"\x03\x04\x00\x01\x00\x42")]


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\0\1\0\0\0\1\1", b"\0\1\0\0\xff\xff\1", b"\xff" * 64]
)
def test_a_stream_that_is_not_modbus_is_closed(battery, garbage):
    with wire.connected(battery) as link:
        link.sendall(garbage)

        assert link.recv(100) == b""


def test_another_unit_is_not_answered(battery):
    with wire.connected(battery, timeout_s=0.3) as link:
        link.sendall(wire.frame(wire.read(BASE_ADDRESS, 2), unit=2))
        with pytest.raises(TimeoutError):
            link.recv(1)

        assert wire.ask(link, wire.read(BASE_ADDRESS, 2)) == b"\x03\x04SunS"
