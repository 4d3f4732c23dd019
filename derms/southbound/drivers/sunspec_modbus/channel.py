"""One Modbus TCP connection to one unit, every reply checked; for the SunSpec driver.

pymodbus moves the bytes but calls a reply a success when it carries another function code, fewer
or more registers, or transaction id 0, so each of these is checked here.

Source: Modbus Application Protocol 1.1b3 sections 6.3, 6.12 and 7 (exception codes).
"""

import re
import time
from dataclasses import dataclass

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersResponse,
)

from derms.core.errors import DriverError
from derms.southbound.drivers.sunspec_modbus.codec import BadReplyError

KEEP_AFTER_LOST_WRITE_S = 10.0
"""A connection with an unanswered write is kept this long: on it the read-back cannot overtake
the write, on a new one it could."""

_ADDRESS = re.compile(
    r"^(?P<host>\[[0-9A-Fa-f:]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})/(?P<unit>\d{1,3})$"
)


class NoAnswerError(DriverError):
    """The peer did not answer: no connection, connection lost, or time-out."""

    code = "no_answer"


class RefusedError(DriverError):
    """The device answered with a Modbus exception.

    Args:
        exception: Modbus exception code, 1..11.
    """

    code = "refused"

    def __init__(self, exception: int) -> None:
        """Keep the exception code as number and text."""
        super().__init__(
            f"the device answers with Modbus exception {exception}",
            protocol_code=f"modbus-{exception}",
        )
        self.exception = exception


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a unit is reached."""

    host: str
    port: int
    unit: int


def parse_address(address: str) -> Endpoint:
    """Read `host:port/unit`, host a name, IPv4 or bracketed IPv6, unit 0..247 (or 255).

    Raises:
        DriverError: it is not such an address.
    """
    match = _ADDRESS.match(address)
    if match:
        port, unit = int(match["port"]), int(match["unit"])
        if 0 < port < 65536 and (unit <= 247 or unit == 255):
            return Endpoint(match["host"].strip("[]"), port, unit)
    raise DriverError(f"{address!r} is not host:port/unit", permanent=True, code="bad_address")


class Channel:
    """A connection that is made when first needed and dropped when it fails."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        """Prepare; nothing is opened yet."""
        self._unit = endpoint.unit
        self._keep_until = 0.0
        self._client = AsyncModbusTcpClient(
            endpoint.host, port=endpoint.port, timeout=timeout_s, retries=0, reconnect_delay=0
        )
        # Dropping is ours to decide, see KEEP_AFTER_LOST_WRITE_S.
        self._client.set_max_no_responses(1_000_000)

    @property
    def connected(self) -> bool:
        """Whether a connection stands; a peer that vanished silently still looks connected."""
        return bool(self._client.connected)

    async def connect(self) -> None:
        """Open the connection.

        Raises:
            NoAnswerError: refused or not answered within the time-out.
        """
        if not await self._client.connect():
            raise NoAnswerError("no connection", code="no_connection")

    def drop(self) -> None:
        """Close the connection."""
        self._client.close()

    async def read(self, address: int, count: int) -> list[int]:
        """Read `count` (1..125) holding registers.

        Raises:
            NoAnswerError: no reply within the time-out; the connection is dropped.
            RefusedError: Modbus exception.
            BadReplyError: a reply to something else; the connection is dropped.
        """
        try:
            reply = await self._client.read_holding_registers(
                address, count=count, device_id=self._unit
            )
        except (ModbusException, OSError) as error:
            if time.monotonic() >= self._keep_until:
                self.drop()
            raise NoAnswerError("no answer to a read") from error
        self._check(reply, ReadHoldingRegistersResponse)
        if len(reply.registers) != count:
            self.drop()
            raise BadReplyError(f"{len(reply.registers)} registers came back, not {count}")
        self._keep_until = 0.0
        return list(reply.registers)

    async def write(self, address: int, registers: list[int]) -> None:
        """Write registers in one request, sent once.

        Raises:
            NoAnswerError: no reply; the device may or may not have taken them.
            RefusedError: Modbus exception.
            BadReplyError: a reply to something else; the device may or may not have taken them.
        """
        self._keep_until = time.monotonic() + KEEP_AFTER_LOST_WRITE_S
        try:
            reply = await self._client.write_registers(address, registers, device_id=self._unit)
        except (ModbusException, OSError) as error:
            raise NoAnswerError("no answer to a write") from error
        self._check(reply, WriteMultipleRegistersResponse)
        if (reply.address, reply.count) != (address, len(registers)):
            raise BadReplyError("the reply confirms other registers than were written")
        self._keep_until = 0.0

    def _check(self, reply: ModbusPDU, expected: type[ModbusPDU]) -> None:
        if isinstance(reply, ExceptionResponse):
            self._keep_until = 0.0
            raise RefusedError(int(reply.exception_code))
        if type(reply) is not expected or reply.isError():
            self.drop()
            raise BadReplyError(f"function code {reply.function_code} came back")
        if reply.dev_id != self._unit or not reply.transaction_id:
            self.drop()
            raise BadReplyError("the reply belongs to another unit or request")
