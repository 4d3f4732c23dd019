"""The SunSpec Modbus TCP driver: persistent connections, one lock per device.

Registered by `derms.southbound.apps`; nobody imports it but the tests.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from derms.core import failpoints
from derms.core.errors import DriverError
from derms.core.quantities import Quantity
from derms.southbound.contract import (
    Capabilities,
    Command,
    CommandKind,
    CommandState,
    Measurement,
    NameplateReading,
    Receipt,
    SettingsReading,
    Target,
)
from derms.southbound.drivers.sunspec_modbus import capacity, control, measure
from derms.southbound.drivers.sunspec_modbus import layout as layouts
from derms.southbound.drivers.sunspec_modbus.channel import (
    Channel,
    RefusedError,
    parse_address,
)
from derms.southbound.drivers.sunspec_modbus.codec import BadReplyError
from derms.southbound.drivers.sunspec_modbus.layout import Layout, Raw


class _NotBegunError(DriverError):
    """The deadline came first: no byte of the command went out, it may be tried again.

    Args:
        code: `not_begun` when the device's turn never came, `deadline` when it answered, but too
            slowly to get done.
    """

    def __init__(self, code: str = "not_begun") -> None:
        super().__init__("not begun before the deadline", code=code)


T = TypeVar("T")

# What a Modbus exception to a write says about it (Modbus Application Protocol 1.1b3 section 7):
# 1-3 can never succeed; 5 accepted, takes long; 6 and 10 did not reach the function; after 4 and
# 11 nobody knows.
_AFTER_EXCEPTION = {
    1: CommandState.REJECTED,
    2: CommandState.REJECTED,
    3: CommandState.REJECTED,
    4: CommandState.UNKNOWN,
    5: CommandState.DELIVERED,
    11: CommandState.UNKNOWN,
}


class _Link:
    """One device: its channel, its register map, and the lock that keeps exchanges apart."""

    __slots__ = ("channel", "layout", "lock", "scans")

    def __init__(self, channel: Channel, scans: asyncio.Semaphore) -> None:
        self.channel = channel
        self.scans = scans
        self.lock = asyncio.Lock()
        self.layout: Layout | None = None

    async def _ready(self) -> Layout:
        if not self.channel.connected:
            self.layout = None
            await self.channel.connect()
        if self.layout is None:
            async with self.scans:
                found = await layouts.scan(self.channel)
                await layouts.read_scales(self.channel, found)
                found.settings = await capacity.read_settings(self.channel, found)
            self.layout = found
        return self.layout

    async def ask(self, question: Callable[[Channel, Layout], Awaitable[T]], deadline: float) -> T:
        """Run an exchange that only reads, over a standing connection and a known map.

        Raises:
            DriverError: no answer in time, or a reply that cannot be true.
        """
        try:
            async with asyncio.timeout_at(deadline):
                return await question(self.channel, await self._ready())
        except TimeoutError:
            raise _NotBegunError("deadline") from None
        except (BadReplyError, RefusedError):
            self.layout = None  # the map may have moved: scan again next time
            raise

    async def carry_out(self, plan: control.Plan) -> Receipt:
        """Send the writes of a plan, each once, and read back what they did."""
        if not plan.writes:
            return Receipt(plan.done, "no_change", "the device already holds it")
        sent_at_s, answered = time.time(), 0
        try:
            for address, registers in plan.writes:
                failpoints.pass_through("southbound.sending")
                await self.channel.write(address, registers)
                failpoints.pass_through("southbound.answered")
                answered += 1
        except RefusedError as error:
            state = _AFTER_EXCEPTION.get(error.exception, CommandState.FAILED)
            # Half of a plan taken and half refused: only reading back can say.
            state = CommandState.UNKNOWN if answered else state
            return Receipt(state, error.protocol_code, error.message, sent_at_s)
        except DriverError as error:
            return Receipt(CommandState.UNKNOWN, error.code, error.message, sent_at_s)
        return replace(await self._confirm(plan), sent_at_s=sent_at_s)

    async def _confirm(self, plan: control.Plan) -> Receipt:
        assert self.layout is not None  # noqa: S101 - `ask` has just made it
        try:
            raw = await layouts.read_raw(self.channel, self.layout, control.spans_for(self.layout))
        except DriverError as error:
            return Receipt(CommandState.ACKNOWLEDGED, error.code, "taken, but not read back yet")
        return _judge(plan, raw, "not_taken")


class SunSpecModbusDriver:
    """SunSpec over Modbus TCP; addresses are `host:port/unit`.

    Args:
        timeout_s: Time-out of one request and of connecting [s].
        reversion_s: Reversion time written when a command brings none [s].
        scans: Register maps scanned at the same time. After a restart every device needs one,
            and a thousand at once would all miss their deadline instead of most keeping it.
        talks: Devices talked to at the same time, so that on a busy machine a reply does not wait
            behind a thousand others until its time is out.
    """

    protocol = "sunspec-modbus"
    capabilities = Capabilities(
        kinds=frozenset(CommandKind),
        quantities=frozenset(Quantity),
        reversion=True,
        read_back=True,
    )

    def __init__(
        self, timeout_s: float = 1.0, reversion_s: int = 300, scans: int = 64, talks: int = 256
    ) -> None:
        """Prepare; nothing is opened yet."""
        self._timeout_s = timeout_s
        self._reversion_s = reversion_s
        self._links: dict[str, _Link] = {}
        self._most_scans, self._most_talks = scans, talks
        self._talks = asyncio.Semaphore(talks)
        self._scans = asyncio.Semaphore(scans)

    async def open(self) -> None:
        """Start with no connection; pymodbus logs each lost one, we report changes instead."""
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
        self._scans = asyncio.Semaphore(self._most_scans)
        self._talks = asyncio.Semaphore(self._most_talks)

    async def close(self) -> None:
        """Drop every connection."""
        for link in self._links.values():
            link.channel.drop()
        self._links.clear()

    async def read_many(
        self, targets: Sequence[Target], *, deadline: float
    ) -> Sequence[Measurement | DriverError]:
        """Measure each device: two or three requests, one when its models are neighbours."""
        return await self._ask_all(targets, measure.read_measurement, deadline)

    async def read_nameplates(
        self, targets: Sequence[Target], *, deadline: float
    ) -> Sequence[NameplateReading | DriverError]:
        """Read models 1, 702 and 713 of each device."""
        return await self._ask_all(targets, capacity.read_nameplate, deadline)

    async def read_settings(
        self, targets: Sequence[Target], *, deadline: float
    ) -> Sequence[SettingsReading | DriverError]:
        """Read model 702 of each device; later range checks use what was read."""
        return await self._ask_all(targets, _refresh_settings, deadline)

    async def write_many(
        self, commands: Sequence[Command], *, deadline: float
    ) -> Sequence[Receipt]:
        """Send each command once and read it back."""
        return await self._command_all(commands, self._send, deadline)

    async def read_back(self, commands: Sequence[Command], *, deadline: float) -> Sequence[Receipt]:
        """Compare each command with what its device holds now."""
        return await self._command_all(commands, self._compare, deadline)

    # --- one device at a time -----------------------------------------------------------------

    def _link(self, address: str) -> _Link:
        link = self._links.get(address)
        if link is None:
            link = _Link(Channel(parse_address(address), self._timeout_s), self._scans)
            self._links[address] = link
        return link

    @asynccontextmanager
    async def _turn(self, address: str, deadline: float) -> AsyncIterator[_Link]:
        """Hold one device alone.

        Raises:
            DriverError: bad address.
            _NotBegunError: the turn did not come in time.
        """
        link = self._link(address)
        try:
            async with asyncio.timeout_at(deadline):
                await self._talks.acquire()
                try:
                    await link.lock.acquire()
                except asyncio.CancelledError:
                    self._talks.release()
                    raise
        except TimeoutError:
            raise _NotBegunError from None
        try:
            if time.monotonic() >= deadline:
                raise _NotBegunError
            yield link
        finally:
            link.lock.release()
            self._talks.release()

    async def _ask_all(
        self,
        targets: Sequence[Target],
        question: Callable[[Channel, Layout], Awaitable[T]],
        deadline: float,
    ) -> list[T | DriverError]:
        async def ask(target: Target) -> T | DriverError:
            try:
                async with self._turn(target.address, deadline) as link:
                    return await link.ask(question, deadline)
            except DriverError as error:
                return error

        return list(await asyncio.gather(*(ask(target) for target in targets)))

    async def _command_all(
        self,
        commands: Sequence[Command],
        step: Callable[[Command, float], Awaitable[Receipt]],
        deadline: float,
    ) -> list[Receipt]:
        receipts: dict[int, Receipt] = {}
        by_address: dict[str, list[int]] = {}
        for place, command in enumerate(commands):
            by_address.setdefault(command.target.address, []).append(place)

        async def one_device(places: list[int]) -> None:
            for place in places:
                receipts[place] = await step(commands[place], deadline)

        await asyncio.gather(*(one_device(places) for places in by_address.values()))
        return [receipts[place] for place in range(len(commands))]

    async def _send(self, command: Command, deadline: float) -> Receipt:
        async def plan_it(channel: Channel, found: Layout) -> control.Plan:
            raw = await layouts.read_raw(channel, found, control.spans_for(found))
            control.check_command(command, found, raw)
            return control.make_plan(command, found, raw, command.reversion_s or self._reversion_s)

        try:
            async with self._turn(command.target.address, deadline) as link:
                plan = await link.ask(plan_it, deadline)
                if time.monotonic() >= deadline:
                    raise _NotBegunError
                return await link.carry_out(plan)
        except DriverError as error:
            return _not_sent(error)

    async def _compare(self, command: Command, deadline: float) -> Receipt:
        async def compare(channel: Channel, found: Layout) -> Receipt:
            raw = await layouts.read_raw(channel, found, control.spans_for(found))
            plan = control.make_plan(command, found, raw, self._reversion_s)
            return _judge(plan, raw, "not_held")

        try:
            async with self._turn(command.target.address, deadline) as link:
                return await link.ask(compare, deadline)
        except DriverError as error:
            state = CommandState.FAILED if error.permanent else CommandState.UNKNOWN
            return Receipt(state, error.protocol_code or error.code, error.message)


def _not_sent(error: DriverError) -> Receipt:
    """Return the receipt of a command of which no byte went out."""
    state = CommandState.REJECTED if error.permanent else CommandState.FAILED
    if isinstance(error, _NotBegunError):
        state = CommandState.QUEUED
    return Receipt(state, error.protocol_code or error.code, error.message)


def _judge(plan: control.Plan, raw: Mapping[int, Raw], otherwise: str) -> Receipt:
    if plan.held_by(raw):
        return Receipt(plan.done, "read_back", "read back from the device")
    return Receipt(CommandState.FAILED, otherwise, "the device does not hold it")


async def _refresh_settings(channel: Channel, found: Layout) -> SettingsReading:
    found.settings = await capacity.read_settings(channel, found)
    return found.settings
