"""What a device measures: models 701 (or 103), 713 and 715; for the SunSpec driver.

Source: SunSpec DER Information Model Specification 1.0, models 701, 713, 715; Inverter model 103.
"""

import time
from collections.abc import Mapping

from derms.core.quantities import Quantity
from derms.southbound.contract import Measurement, OperatingState
from derms.southbound.drivers.sunspec_modbus import codec
from derms.southbound.drivers.sunspec_modbus.capacity import STORAGE, decode_storage
from derms.southbound.drivers.sunspec_modbus.channel import Channel
from derms.southbound.drivers.sunspec_modbus.codec import Block
from derms.southbound.drivers.sunspec_modbus.layout import Layout, Raw, read_registers

_BASIC = ("ID", "L", "St", "InvSt", "ConnSt", "Alrm", "W", "Var", "A", "LLV", "LNV", "Hz")
AC = codec.block(701, *_BASIC, "TotWhInj", "TotWhAbs", "VL1", "ThrotPct")
AC_SHORT = codec.block(701, *_BASIC, "TotWhInj", "TotWhAbs")
INVERTER = codec.block(103, *codec.points_of(103))
REMOTE = codec.block(715, "LocRemCtl")

_STATE_701 = {
    0: OperatingState.OFF,
    1: OperatingState.STANDBY,
    2: OperatingState.STARTING,
    3: OperatingState.RUNNING,
    4: OperatingState.THROTTLED,
    5: OperatingState.SHUTTING_DOWN,
    6: OperatingState.FAULT,
    7: OperatingState.STANDBY,
}
_STATE_103 = {
    1: OperatingState.OFF,
    2: OperatingState.STANDBY,
    3: OperatingState.STARTING,
    4: OperatingState.RUNNING,
    5: OperatingState.THROTTLED,
    6: OperatingState.SHUTTING_DOWN,
    7: OperatingState.FAULT,
    8: OperatingState.STANDBY,
}
_QUANTITY_701 = {
    Quantity.ACTIVE_POWER_W: ("W",),
    Quantity.REACTIVE_POWER_VAR: ("Var",),
    Quantity.VOLTAGE_V: ("LNV", "VL1", "LLV"),
    Quantity.FREQUENCY_HZ: ("Hz",),
    Quantity.CURRENT_A: ("A",),
    Quantity.ENERGY_INJECTED_WH: ("TotWhInj",),
    Quantity.ENERGY_ABSORBED_WH: ("TotWhAbs",),
}
_QUANTITY_103 = {
    Quantity.ACTIVE_POWER_W: ("W",),
    Quantity.REACTIVE_POWER_VAR: ("VAr",),
    Quantity.VOLTAGE_V: ("PhVphA",),
    Quantity.FREQUENCY_HZ: ("Hz",),
    Quantity.CURRENT_A: ("A",),
    Quantity.ENERGY_INJECTED_WH: ("WH",),
}


def ac_block(layout: Layout) -> Block:
    """Return the block of alternating-current measurements this device offers."""
    return next((b for b in (AC, AC_SHORT) if layout.holds(b)), INVERTER)


async def read_measurement(channel: Channel, layout: Layout) -> Measurement:
    """Measure a device in as few requests as its map allows.

    Raises:
        DriverError: a request failed, or a reply cannot be true.
    """
    ac = ac_block(layout)
    spans = [ac, *(span for span in (STORAGE, REMOTE) if layout.holds(span))]
    begun = time.monotonic()
    found = await read_registers(channel, layout, spans)
    elapsed_ms = 1000 * (time.monotonic() - begun)
    raw = codec.decode_raw(ac, found[ac])
    codec.check_header(ac.model, layout.places[ac.model][1], raw)
    scales = codec.decode_scales(ac, found[ac]) if ac is INVERTER else layout.scales[701]
    values = _quantities(ac, codec.scaled(ac, raw, scales), layout)
    if STORAGE in found:
        values |= _storage(decode_storage(layout, found[STORAGE]))
    remote = codec.decode_raw(REMOTE, found[REMOTE]) if REMOTE in found else {}
    return Measurement(
        measured_at_s=time.time(),
        values=values,
        connected=_connected(raw),
        operating=_operating(ac, raw),
        alarm_bits=_whole(raw, "Alrm") or _whole(raw, "Evt1") or 0,
        local_control=remote.get("LocRemCtl") == 1,
        round_trip_ms=elapsed_ms,
    )


def _whole(raw: Raw, name: str) -> int | None:
    value = raw.get(name)
    return value if isinstance(value, int) else None


def _quantities(ac: Block, points: Mapping[str, float], layout: Layout) -> dict[Quantity, float]:
    table = _QUANTITY_103 if ac is INVERTER else _QUANTITY_701
    values: dict[Quantity, float] = {}
    for quantity, names in table.items():
        found = next((points[name] for name in names if name in points), None)
        if found is not None:
            values[quantity] = found
    base_w = layout.settings.base_w if layout.settings else None
    if "ThrotPct" in points and "W" in points and base_w is not None:
        # ThrotPct says how much of the maximum is held back at this moment.
        values[Quantity.AVAILABLE_POWER_W] = points["W"] + points["ThrotPct"] * base_w / 100
    return values


def _storage(points: Mapping[str, float]) -> dict[Quantity, float]:
    values: dict[Quantity, float] = {}
    if 0 <= points.get("SoC", -1) <= 100:
        values[Quantity.SOC_PCT] = points["SoC"]
    if "WHAvail" in points:
        values[Quantity.ENERGY_AVAILABLE_WH] = points["WHAvail"]
    return values


def _connected(raw: Raw) -> bool | None:
    value = raw.get("ConnSt")
    return bool(value) if value in (0, 1) else None


def _operating(ac: Block, raw: Raw) -> OperatingState:
    if ac is INVERTER:
        return _STATE_103.get(_whole(raw, "St") or 0, OperatingState.UNKNOWN)
    state = _whole(raw, "InvSt")
    if state is not None:
        return _STATE_701.get(state, OperatingState.UNKNOWN)
    if raw.get("St") in (0, 1):
        return OperatingState.RUNNING if raw["St"] else OperatingState.OFF
    return OperatingState.UNKNOWN
