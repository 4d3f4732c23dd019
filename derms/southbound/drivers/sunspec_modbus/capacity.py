"""Nameplate and settings from models 1, 702 and 713; for the SunSpec driver.

Source: SunSpec DER Information Model Specification 1.0, models 702 and 713; IEEE 1547-2018
tables 28 and 29.
"""

from collections.abc import Mapping

from derms.southbound.contract import NameplateReading, SettingsReading
from derms.southbound.drivers.sunspec_modbus import codec
from derms.southbound.drivers.sunspec_modbus.channel import Channel
from derms.southbound.drivers.sunspec_modbus.layout import Layout, read_raw, read_registers

IDENTITY = codec.block(1, "Mn", "Md", "Vr", "SN")
CAPACITY = codec.block(702, *codec.points_of(702))
STORAGE = codec.block(713, "ID", "L", "WHRtg", "WHAvail", "SoC", "WH_SF", "Pct_SF")

_NORMAL = {0: "A", 1: "B"}
_ABNORMAL = {0: "I", 1: "II", 2: "III"}


async def _capacity(channel: Channel, layout: Layout) -> Mapping[str, float]:
    if not layout.holds(CAPACITY):
        return {}
    registers = (await read_registers(channel, layout, [CAPACITY]))[CAPACITY]
    raw = codec.decode_raw(CAPACITY, registers)
    codec.check_header(702, layout.places[702][1], raw)
    return codec.scaled(CAPACITY, raw, codec.decode_scales(CAPACITY, registers))


async def read_nameplate(channel: Channel, layout: Layout) -> NameplateReading:
    """Read identity and ratings; a separate discharge rating is the rated injection.

    Raises:
        DriverError: a request failed, or a reply cannot be true.
    """
    text: Mapping[str, object] = {}
    if layout.holds(IDENTITY):
        text = (await read_raw(channel, layout, [IDENTITY]))[1]
    ratings = await _capacity(channel, layout)
    energy = (await read_storage(channel, layout)).get("WHRtg")
    return NameplateReading(
        rated_w=ratings.get("WDisChaRteMaxRtg", ratings.get("WMaxRtg")),
        rated_charge_w=ratings.get("WChaRteMaxRtg"),
        rated_va=ratings.get("VAMaxRtg"),
        rated_charge_va=ratings.get("VAChaRteMaxRtg"),
        rated_var_injected=ratings.get("VarMaxInjRtg"),
        rated_var_absorbed=ratings.get("VarMaxAbsRtg"),
        rated_wh=energy,
        rated_voltage_v=ratings.get("VNomRtg"),
        max_voltage_v=ratings.get("VMaxRtg"),
        min_voltage_v=ratings.get("VMinRtg"),
        rated_current_a=ratings.get("AMaxRtg"),
        rated_w_over_excited=ratings.get("WOvrExtRtg"),
        over_excited_pf=ratings.get("WOvrExtRtgPF"),
        rated_w_under_excited=ratings.get("WUndExtRtg"),
        under_excited_pf=ratings.get("WUndExtRtgPF"),
        reactive_susceptance_s=ratings.get("ReactSusceptRtg"),
        normal_category=_NORMAL.get(int(ratings.get("NorOpCatRtg", -1)), ""),
        abnormal_category=_ABNORMAL.get(int(ratings.get("AbnOpCatRtg", -1)), ""),
        manufacturer=str(text.get("Mn") or ""),
        model=str(text.get("Md") or ""),
        serial_number=str(text.get("SN") or ""),
        firmware_version=str(text.get("Vr") or ""),
    )


async def read_settings(channel: Channel, layout: Layout) -> SettingsReading:
    """Read the settings; where one is not implemented the rating stands for it.

    Raises:
        DriverError: a request failed, or a reply cannot be true.
    """
    values = await _capacity(channel, layout)

    def setting(name: str) -> float | None:
        return values.get(name, values.get(f"{name}Rtg"))

    base_w, discharge_w = setting("WMax"), setting("WDisChaRteMax")
    return SettingsReading(
        max_w=base_w if discharge_w is None else discharge_w,
        max_charge_w=setting("WChaRteMax"),
        base_w=base_w,
        max_va=setting("VAMax"),
        max_var_injected=setting("VarMaxInj"),
        max_var_absorbed=setting("VarMaxAbs"),
    )


async def read_storage(channel: Channel, layout: Layout) -> Mapping[str, float]:
    """Read the storage model, scaled; empty without one.

    Raises:
        DriverError: a request failed, or a reply cannot be true.
    """
    if not layout.holds(STORAGE):
        return {}
    registers = (await read_registers(channel, layout, [STORAGE]))[STORAGE]
    return decode_storage(layout, registers)


def decode_storage(layout: Layout, registers: list[int]) -> Mapping[str, float]:
    """Decode the registers of the storage model.

    Raises:
        DriverError: the reply cannot be true.
    """
    raw = codec.decode_raw(STORAGE, registers)
    codec.check_header(713, layout.places[713][1], raw)
    return codec.scaled(STORAGE, raw, codec.decode_scales(STORAGE, registers))
