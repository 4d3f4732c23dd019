"""From services to drivers: groups by protocol, guards each device with a circuit breaker.

For the services of this room; the one place that calls drivers.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from derms.core.errors import DriverError, NotFoundError
from derms.southbound import runtime
from derms.southbound.contract import (
    Command,
    CommandKind,
    CommandState,
    Driver,
    Measurement,
    NameplateReading,
    Receipt,
    SettingsReading,
    Target,
)
from derms.southbound.rules.breaker import Breaker

A = TypeVar("A")
B = TypeVar("B")

SILENT = frozenset({"no_answer", "no_connection"})
"""Error codes that mean nobody answered; any other answer, even a refusal, is contact."""

NOT_BEGUN = "not_begun"
"""Error code of a device whose turn did not come before the deadline."""

_TELLS_NOTHING = frozenset({"breaker_open", "unknown_protocol", NOT_BEGUN, "deadline"})
"""Error codes of devices that have neither answered nor been silent for their whole time-out."""

_ALWAYS = frozenset({CommandKind.RELEASE, CommandKind.DISCONNECT})
"""Commands that end what was asked of a device are sent even when it may not be asked any more."""

_breakers: dict[int, Breaker] = {}


@dataclass(frozen=True, slots=True)
class Wire:
    """A device and the protocol it speaks.

    Attributes:
        protocol: Name of the driver.
        target: The device as the driver sees it.
        commandable: It may be given set points; if not, it can only be released or switched off.
    """

    protocol: str
    target: Target
    commandable: bool = True


def measure(wires: Sequence[Wire], *, deadline: float) -> list[Measurement | DriverError]:
    """Measure devices; a device whose breaker is open answers `breaker_open` at once.

    Args:
        wires: Devices of any protocols [n].
        deadline: Instant of `time.monotonic()`.

    Returns:
        Measurement or error [n], in the order asked.
    """

    async def ask(driver: Driver, chosen: list[Wire]) -> Sequence[Measurement | DriverError]:
        return await driver.read_many([wire.target for wire in chosen], deadline=deadline)

    return _ask(wires, ask)


def read_settings(wires: Sequence[Wire], *, deadline: float) -> list[SettingsReading | DriverError]:
    """Read what devices are set to; answers as `measure`."""

    async def ask(driver: Driver, chosen: list[Wire]) -> Sequence[SettingsReading | DriverError]:
        return await driver.read_settings([wire.target for wire in chosen], deadline=deadline)

    return _ask(wires, ask)


def read_nameplates(
    wires: Sequence[Wire], *, deadline: float
) -> list[NameplateReading | DriverError]:
    """Read what devices state of their ratings; answers as `measure`."""

    async def ask(driver: Driver, chosen: list[Wire]) -> Sequence[NameplateReading | DriverError]:
        return await driver.read_nameplates([wire.target for wire in chosen], deadline=deadline)

    return _ask(wires, ask)


def send(wires: Sequence[Wire], commands: Sequence[Command], *, deadline: float) -> list[Receipt]:
    """Send commands, each once; to a device that has gone silent nothing is sent: FAILED.

    Args:
        wires: Device of each command [n].
        commands: [n].
        deadline: No write begins after it, instant of `time.monotonic()`.

    Returns:
        Receipt of each command [n].
    """

    async def ask(driver: Driver, chosen: list[Command]) -> Sequence[Receipt]:
        return await driver.write_many(chosen, deadline=deadline)

    allowed = [
        place
        for place, (wire, command) in enumerate(zip(wires, commands, strict=True))
        if wire.commandable or command.kind in _ALWAYS
    ]
    receipts = _command(
        [wires[i] for i in allowed], [commands[i] for i in allowed], ask, CommandState.FAILED
    )
    found = dict(zip(allowed, receipts, strict=True))
    refused = Receipt(
        CommandState.REJECTED, "not_eligible", "the device is not registered and eligible"
    )
    return [found.get(place, refused) for place in range(len(commands))]


def read_back(
    wires: Sequence[Wire], commands: Sequence[Command], *, deadline: float
) -> list[Receipt]:
    """Ask devices whether they hold these commands; a silent device stays UNKNOWN."""

    async def ask(driver: Driver, chosen: list[Command]) -> Sequence[Receipt]:
        return await driver.read_back(chosen, deadline=deadline)

    return _command(wires, commands, ask, CommandState.UNKNOWN)


def forget_breakers() -> None:
    """Close every breaker; for tests and after a network repair."""
    _breakers.clear()


def _breaker(wire: Wire) -> Breaker:
    return _breakers.setdefault(wire.target.device_id, Breaker())


def _closed(wire: Wire) -> bool:
    return _breaker(wire).allows(time.monotonic())


def _ask(
    wires: Sequence[Wire], ask: Callable[[Driver, list[Wire]], Awaitable[Sequence[B | DriverError]]]
) -> list[B | DriverError]:
    answers: list[B | DriverError] = _fan_out(
        wires,
        wires,
        ask,
        lambda code, message: DriverError(message, code=code),
    )
    for wire, answer in zip(wires, answers, strict=True):
        _note(wire, answer.code if isinstance(answer, DriverError) else "")
    return answers


def _command(
    wires: Sequence[Wire],
    commands: Sequence[Command],
    ask: Callable[[Driver, list[Command]], Awaitable[Sequence[Receipt]]],
    when_silent: CommandState,
) -> list[Receipt]:
    answers = _fan_out(
        wires, commands, ask, lambda code, message: Receipt(when_silent, code, message)
    )
    for wire, answer in zip(wires, answers, strict=True):
        if answer.state is not CommandState.QUEUED:
            _note(wire, answer.code)
    return answers


def _note(wire: Wire, code: str) -> None:
    if code not in _TELLS_NOTHING:
        _breaker(wire).note(answered=code not in SILENT, now=time.monotonic())


def _fan_out(
    wires: Sequence[Wire],
    items: Sequence[A],
    ask: Callable[[Driver, list[A]], Awaitable[Sequence[B]]],
    refuse: Callable[[str, str], B],
) -> list[B]:
    """Call each protocol's driver once with its items; put every answer in its place.

    Devices that were silent last come last: a thousand time-outs at once must not keep the others
    from their turn.
    """
    answers: dict[int, B] = {}
    by_protocol: dict[str, list[int]] = {}
    for place in sorted(range(len(wires)), key=lambda place: _breaker(wires[place]).failures):
        wire = wires[place]
        if _closed(wire):
            by_protocol.setdefault(wire.protocol, []).append(place)
        else:
            answers[place] = refuse("breaker_open", "silent for a while; tried again soon")

    async def one(protocol: str, places: list[int]) -> None:
        try:
            driver = await runtime.driver_for(protocol)
            found = await ask(driver, [items[place] for place in places])
        except NotFoundError as error:
            found = [refuse("unknown_protocol", error.message)] * len(places)
        answers.update(zip(places, found, strict=True))

    async def all_protocols() -> None:
        await asyncio.gather(*(one(name, places) for name, places in by_protocol.items()))

    if by_protocol:
        runtime.run(all_protocols())
    return [answers[place] for place in range(len(wires))]
