"""A device that lies on the wire: every reply a Modbus client would take for a success."""

import asyncio
import struct
import time
from contextlib import asynccontextmanager

import pytest

from derms.core.errors import DriverError
from derms.southbound.contract import Target
from derms.southbound.drivers.sunspec_modbus.driver import SunSpecModbusDriver


def frame(request, pdu, *, tid=None, unit=None):
    own_tid, _, _, own_unit = struct.unpack(">HHHB", request[:7])
    head = (own_tid if tid is None else tid, 0, len(pdu) + 1, own_unit if unit is None else unit)
    return struct.pack(">HHHB", *head) + pdu


def registers(values):
    return struct.pack(f">BB{len(values)}H", 3, 2 * len(values), *values)


def count_of(request):
    return struct.unpack(">H", request[10:12])[0]


LIES = {
    "another function code": lambda r: frame(r, struct.pack(">BHH", 6, 40000, 1)),
    "fewer registers": lambda r: frame(r, registers([0x5375])),
    "more registers": lambda r: frame(r, registers([0x5375] * (count_of(r) + 3))),
    "transaction 0": lambda r: frame(r, registers([0x5375, 0x6E53]), tid=0),
    "another transaction": lambda r: frame(r, registers([0x5375, 0x6E53]), tid=99),
    "another unit": lambda r: frame(r, registers([0x5375, 0x6E53]), unit=9),
    "no SunSpec map": lambda r: frame(r, registers([1] * count_of(r))),
    "illegal address": lambda r: frame(r, b"\x83\x02"),
    "device busy": lambda r: frame(r, b"\x83\x06"),
    "gateway silent": lambda r: frame(r, b"\x83\x0b"),
    "garbage": lambda _r: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "half a frame": lambda r: frame(r, registers([0x5375, 0x6E53]))[:9],
    "nothing": lambda _r: b"",
    "huge length": lambda r: r[:4] + b"\xff\xff" + r[6:8] + b"\xff" * 300,
    "everything not implemented": lambda r: frame(r, registers([0xFFFF] * count_of(r))),
    "endless chain": lambda r: frame(
        r, registers([0x5375, 0x6E53] if r[8:10] == b"\x9c\x40" else [64000, 1])
    ),
    "model of no length": lambda r: frame(
        r, registers([0x5375, 0x6E53] if r[8:10] == b"\x9c\x40" else [701, 0])
    ),
}


@asynccontextmanager
async def liar(lie):
    async def serve(reader, writer):
        try:
            while request := await reader.read(260):
                if request[7] == 3 and len(request) == 12:
                    writer.write(lie(request))
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}/1"


@pytest.mark.parametrize("lie", LIES)
async def test_a_lie_is_an_error_within_the_time_out(lie):
    driver = SunSpecModbusDriver(timeout_s=0.3)
    await driver.open()
    async with liar(LIES[lie]) as address:
        begun = time.monotonic()

        (answer,) = await driver.read_many([Target(1, address)], deadline=begun + 2)

        assert isinstance(answer, DriverError)
        assert not answer.permanent
        assert time.monotonic() - begun < 1.0
        await driver.close()
        await asyncio.sleep(0)
