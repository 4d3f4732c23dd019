"""Modbus TCP, written out plainly: framing, functions 3, 6 and 16, exceptions.

One listening socket a device, one protocol object a connection. For `run.py`.

Source: MODBUS Messaging on TCP/IP Implementation Guide 1.0b; MODBUS Application Protocol 1.1b3.
"""

import asyncio
import struct
from dataclasses import dataclass, field

from derms.southbound.simulator.controls import Controls, RefusedError
from derms.southbound.simulator.image import Image
from derms.southbound.simulator.points import BASE_ADDRESS
from derms.southbound.simulator.publish import Publisher
from derms.southbound.simulator.write_log import WriteLog

HOST = "127.0.0.1"
UNIT = 1
_HEADER = struct.Struct(">HHHB")
_TWO = struct.Struct(">HH")
_READ, _WRITE_ONE, _WRITE_MANY = 3, 6, 16
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3
_MAX_READ, _MAX_WRITE, _MAX_FRAME = 125, 123, 254


@dataclass(slots=True)
class Stats:
    """Counts since the start."""

    connections: int = 0
    reads: int = 0
    writes: int = 0
    exceptions: int = 0


@dataclass(slots=True)
class Bench:
    """What all devices of the process share."""

    image: Image
    controls: Controls
    publisher: Publisher
    log: WriteLog
    stats: Stats = field(default_factory=Stats)


class DeviceServer:
    """One device on the wire: its socket, its connections, its faults."""

    def __init__(self, bench: Bench, row: int, name: str) -> None:
        """Prepare; `open` starts listening."""
        self.bench = bench
        self.row = row
        self.name = name
        self.port = 0
        self.faults: dict[str, float] = {}
        self.connections: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None

    async def open(self, port: int) -> None:
        """Listen.

        Args:
            port: 0 lets the system choose; `self.port` is the one in use.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: ModbusConnection(self), HOST, port, backlog=16
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Refuse and drop every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self.connections):
            transport.abort()

    async def set_faults(self, faults: dict[str, float]) -> None:
        """Put exactly these faults in force.

        Raises:
            OSError: the port of a device that comes back to life was taken meanwhile.
        """
        if "dead" in faults:
            self.close()
        elif self._server is None:
            await self.open(self.port)
        self.faults = faults
        bench, row = self.bench, self.row
        plant = bench.publisher.plant
        plant.clock_rate[row] = faults.get("drift", 1.0)
        plant.stuck[row] = "stuck" in faults
        plant.tripped[row] = "trip" in faults
        bench.publisher.frozen[row] = "frozen" in faults
        bench.controls.local[row] = "local" in faults

    def answer(self, pdu: bytes) -> bytes:
        """Carry out one request.

        Args:
            pdu: function code and data, at least one byte.

        Returns:
            The reply PDU, an exception where Modbus asks for one.
        """
        try:
            return self._carry_out(pdu)
        except RefusedError as refusal:
            self.bench.stats.exceptions += 1
            return bytes((pdu[0] | 0x80, refusal.code))

    def _carry_out(self, pdu: bytes) -> bytes:
        function = pdu[0]
        if "exception" in self.faults:
            raise RefusedError(int(self.faults["exception"]))
        if function == _READ:
            return self._read(pdu)
        if function == _WRITE_ONE:
            return self._write_one(pdu)
        if function == _WRITE_MANY:
            return self._write_many(pdu)
        raise RefusedError(_ILLEGAL_FUNCTION)

    def _read(self, pdu: bytes) -> bytes:
        if len(pdu) != 5:
            raise RefusedError(_ILLEGAL_VALUE)
        address, count = _TWO.unpack_from(pdu, 1)
        if not 1 <= count <= _MAX_READ:
            raise RefusedError(_ILLEGAL_VALUE)
        self.bench.publisher.refresh()
        self.bench.stats.reads += 1
        data = self.bench.image.read(self.row, address, count)
        if data is None:
            raise RefusedError(_ILLEGAL_ADDRESS)
        if "short" in self.faults:
            data = data[: 2 * (count // 2)]
        return bytes((_READ, len(data))) + data

    def _write_one(self, pdu: bytes) -> bytes:
        if len(pdu) != 5:
            raise RefusedError(_ILLEGAL_VALUE)
        self._write(_TWO.unpack_from(pdu, 1)[0], pdu[3:5])
        return pdu

    def _write_many(self, pdu: bytes) -> bytes:
        if len(pdu) < 6:
            raise RefusedError(_ILLEGAL_VALUE)
        address, count = _TWO.unpack_from(pdu, 1)
        raw = pdu[6:]
        if not 1 <= count <= _MAX_WRITE or pdu[5] != 2 * count or len(raw) != 2 * count:
            raise RefusedError(_ILLEGAL_VALUE)
        self._write(address, raw)
        return pdu[:5]

    def _write(self, address: int, raw: bytes) -> None:
        bench, row, column = self.bench, self.row, address - BASE_ADDRESS
        if column < 0 or column + len(raw) // 2 > bench.image.length[row]:
            raise RefusedError(_ILLEGAL_ADDRESS)
        decoded = bench.controls.check(row, column, raw)
        ignored = "ignore" in self.faults
        if not ignored:
            bench.controls.apply(row, column, raw, decoded)
            if decoded.get("715.AlarmReset") == 1:
                bench.publisher.plant.tripped[row] = False
                self.faults.pop("trip", None)
        bench.stats.writes += 1
        # On record before the client hears of it: an acknowledged write is never missing.
        bench.log.record(
            device=self.name, unit=UNIT, address=address, raw=raw, decoded=decoded,
            effect="ignored" if ignored else "applied",
        )  # fmt: skip


class ModbusConnection(asyncio.Protocol):
    """Cuts the byte stream into frames and answers them in order."""

    def __init__(self, device: DeviceServer) -> None:
        """Belong to a device."""
        self._device = device
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the device's connections."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type
        self._transport = transport
        self._device.connections.add(transport)
        self._device.bench.stats.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the device's connections."""
        if self._transport is not None:
            self._device.connections.discard(self._transport)
            self._transport = None

    def data_received(self, data: bytes) -> None:
        """Answer every whole frame; a stream that is not Modbus is closed."""
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(self._buffer)
            if protocol != 0 or not 2 <= length <= _MAX_FRAME:
                self._close()
                return
            end = 6 + length
            if len(self._buffer) < end:
                return
            pdu, self._buffer = self._buffer[_HEADER.size : end], self._buffer[end:]
            # Nobody lives at another unit: as on a serial line, silence.
            if unit == UNIT:
                self._reply(transaction, pdu)

    def _reply(self, transaction: int, pdu: bytes) -> None:
        faults = self._device.faults
        if not faults:
            self._send(transaction, self._device.answer(pdu))
        elif "slow" in faults:
            # The request is carried out when it arrives; only the answer is late.
            reply = self._device.answer(pdu)
            asyncio.get_running_loop().call_later(faults["slow"], self._send, transaction, reply)
        elif "silent" not in faults:
            self._send(transaction, self._device.answer(pdu))

    def _send(self, transaction: int, reply: bytes) -> None:
        if self._transport is None:
            return
        frame = _HEADER.pack(transaction, 0, len(reply) + 1, UNIT) + reply
        if "half" in self._device.faults:
            frame = frame[: len(frame) // 2]
        self._transport.write(frame)

    def _close(self) -> None:
        self._buffer = b""
        if self._transport is not None:
            self._transport.close()
