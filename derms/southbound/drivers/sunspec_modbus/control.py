"""Commands as register writes, and what must be read back when they are in force.

For the SunSpec driver. A set point goes out as one write of its whole block, so the device never
sees a new value with an old mode, and always with a reversion time.

Source: SunSpec DER Information Model Specification 1.0, models 703, 704 and 715.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from derms.core.errors import DriverError
from derms.southbound.contract import Command, CommandKind, CommandState, SettingsReading
from derms.southbound.drivers.sunspec_modbus import codec
from derms.southbound.drivers.sunspec_modbus.layout import Layout, Raw

CONTROL = codec.block(
    704,
    *(name for name, p in codec.points_of(704).items() if 14 <= p.offset < 47),
)
SERVICE = codec.block(703, "ES")
OPERATION = codec.block(715, "LocRemCtl", "OpCtl")

_WATTS, _VARS = 1, 4
_ENABLES = ("WSetEna", "WMaxLimPctEna", "VarSetEna")
TOLERANCE = 1e-6
"""Relative slack of the range check, for rounding in the allocation above us."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A command in registers.

    Attributes:
        writes: (address, registers) in the order to send; empty when nothing needs changing.
        expect: Model id -> raw values that must be read back.
        done: State once they are.
    """

    expect: Mapping[int, Mapping[str, int]]
    writes: tuple[tuple[int, list[int]], ...] = field(default=())
    done: CommandState = CommandState.ACTIVE

    def held_by(self, raw: Mapping[int, Raw]) -> bool:
        """Whether what was read back shows the command in force."""
        return all(
            raw.get(model, {}).get(name) == value
            for model, values in self.expect.items()
            for name, value in values.items()
        )


def spans_for(layout: Layout) -> list[codec.Block]:
    """Return what to read before a write, and to confirm it."""
    return [span for span in (CONTROL, SERVICE, OPERATION) if layout.holds(span)]


def check_command(command: Command, layout: Layout, raw: Mapping[int, Raw]) -> None:
    """Check a command against the device: remote control allowed, value inside its settings.

    Args:
        command: What is to be done.
        layout: The device.
        raw: What `spans_for` just read.

    Raises:
        DriverError: permanent; the device cannot or must not be asked for this.
    """
    if raw.get(715, {}).get("LocRemCtl") == 1:
        raise _refuse("the device is under local control", "local_control")
    if command.kind in {CommandKind.CONNECT, CommandKind.DISCONNECT, CommandKind.RELEASE}:
        return
    settings = layout.settings
    if settings is None or settings.max_w is None or settings.base_w is None:
        raise _refuse("the device states no maximum power (model 702)", "no_capacity")
    if command.kind is CommandKind.SET_ACTIVE_POWER:
        check_range(command.value, _lowest_w(layout, settings), settings.max_w, "W")
    elif command.kind is CommandKind.LIMIT_ACTIVE_POWER:
        check_range(command.value, 0.0, settings.base_w, "W")
    else:
        low, high = -(settings.max_var_absorbed or 0.0), settings.max_var_injected or 0.0
        check_range(command.value, low, high, "var")


def make_plan(command: Command, layout: Layout, raw: Mapping[int, Raw], reversion_s: int) -> Plan:
    """Turn a command into writes and what must be read back after them.

    Args:
        command: What to do.
        layout: The device.
        raw: What `spans_for` just read.
        reversion_s: Reversion time to write [s], > 0.

    Raises:
        DriverError: permanent; the device lacks the model, or the value does not fit.
    """
    switching = command.kind in {CommandKind.CONNECT, CommandKind.DISCONNECT}
    if not switching and not layout.holds(CONTROL):
        raise _refuse("the device has no control model 704", "not_supported")
    return _PLANNERS[command.kind](command, layout, raw, reversion_s)


def _refuse(message: str, code: str) -> DriverError:
    return DriverError(message, permanent=True, code=code)


def check_range(value: float, low: float, high: float, unit: str) -> None:
    """Check a set point against the device's limits.

    Raises:
        DriverError: not a number, or outside [low, high].
    """
    if not math.isfinite(value):
        raise _refuse(f"{value} is not a set point", "not_a_number")
    slack = TOLERANCE * max(1.0, abs(low), abs(high))
    if not low - slack <= value <= high + slack:
        raise _refuse(
            f"{value:g} {unit} is outside what the device is set to: {low:g} to {high:g} {unit}",
            "out_of_range",
        )


def _lowest_w(layout: Layout, settings: SettingsReading) -> float:
    if settings.max_charge_w is not None:
        return -settings.max_charge_w
    return -(settings.max_w or 0.0) if layout.has_storage else 0.0


def _kept(raw: Raw, *names: str) -> dict[str, int]:
    # Points inside the written block that are not ours go back as they were read.
    points = codec.points_of(704)
    kept: dict[str, int] = {}
    for name in names:
        value = raw.get(name)
        absent = points[name].absent
        kept[name] = value if isinstance(value, int) else (absent or 0)
    return kept


def _write(layout: Layout, model: int, values: Mapping[str, int]) -> tuple[int, list[int]]:
    offset, registers = codec.encode_span(model, values)
    return layout.places[model][0] + offset, registers


def _set_active(command: Command, layout: Layout, raw: Mapping[int, Raw], reversion_s: int) -> Plan:
    value = codec.encode_point(704, "WSet", command.value, layout.scales.get(704, {}))
    expect = {"WSetEna": 1, "WSetMod": _WATTS, "WSet": value}
    after = {"WSetRvrt": 0, "WSetEnaRvrt": 0, "WSetRvrtTms": reversion_s}
    block = expect | after | _kept(raw[704], "WSetPct", "WSetPctRvrt")
    return Plan({704: expect}, (_write(layout, 704, block),))


def _limit_active(
    command: Command, layout: Layout, raw: Mapping[int, Raw], reversion_s: int
) -> Plan:
    # Percent of the WMax setting, not of the rating: that is what the device applies it to.
    base_w = (layout.settings.base_w if layout.settings else None) or 0.0
    percent = 100 * command.value / base_w if base_w else 0.0
    scales = layout.scales.get(704, {})
    value = codec.encode_point(704, "WMaxLimPct", min(percent, 100.0), scales)
    expect = {"WMaxLimPctEna": 1, "WMaxLimPct": value}
    full = codec.encode_point(704, "WMaxLimPctRvrt", 100.0, scales)
    after = {"WMaxLimPctRvrt": full, "WMaxLimPctEnaRvrt": 0, "WMaxLimPctRvrtTms": reversion_s}
    return Plan({704: expect}, (_write(layout, 704, expect | after),))


def _set_reactive(
    command: Command, layout: Layout, raw: Mapping[int, Raw], reversion_s: int
) -> Plan:
    value = codec.encode_point(704, "VarSet", command.value, layout.scales.get(704, {}))
    expect = {"VarSetEna": 1, "VarSetMod": _VARS, "VarSet": value}
    after = {"VarSetRvrt": 0, "VarSetEnaRvrt": 0, "VarSetRvrtTms": reversion_s}
    kept = _kept(raw[704], "VarSetPri", "VarSetPct", "VarSetPctRvrt")
    return Plan({704: expect}, (_write(layout, 704, expect | after | kept),))


def _switch(command: Command, layout: Layout, _raw: Mapping[int, Raw], _reversion_s: int) -> Plan:
    # Permit service has no reversion: a device told to stay off stays off until told otherwise.
    on = 1 if command.kind is CommandKind.CONNECT else 0
    for span, name in ((SERVICE, "ES"), (OPERATION, "OpCtl")):
        if layout.holds(span):
            expect = {name: on}
            write = _write(layout, span.model, expect)
            return Plan({span.model: expect}, (write,), CommandState.COMPLETED)
    raise _refuse("the device has neither model 703 nor 715", "not_supported")


def _release(_command: Command, layout: Layout, raw: Mapping[int, Raw], _reversion_s: int) -> Plan:
    offered = [name for name in _ENABLES if raw[704].get(name) is not None]
    writes = tuple(_write(layout, 704, {name: 0}) for name in offered if raw[704][name] != 0)
    return Plan({704: dict.fromkeys(offered, 0)}, writes, CommandState.COMPLETED)


_PLANNERS: Mapping[CommandKind, Callable[[Command, Layout, Mapping[int, Raw], int], Plan]] = {
    CommandKind.SET_ACTIVE_POWER: _set_active,
    CommandKind.LIMIT_ACTIVE_POWER: _limit_active,
    CommandKind.SET_REACTIVE_POWER: _set_reactive,
    CommandKind.CONNECT: _switch,
    CommandKind.DISCONNECT: _switch,
    CommandKind.RELEASE: _release,
}
