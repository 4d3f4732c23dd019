"""What the devices say about themselves: from the physics into the register image.

Nameplate once at the start; measurements for the whole fleet at the first read after a
physics step. For `run.py` and `server.py`.

Source: SunSpec DER Information Model Specification 1.0 (701, 702, 713, 715).
"""

import numpy as np

from derms.southbound.simulator.controls import TIMED, Controls
from derms.southbound.simulator.fleet import SimDevice
from derms.southbound.simulator.image import ALL, Floats, Image, Rows
from derms.southbound.simulator.plant import STANDBY, STOP, Flags, Plant

# 701 InvSt
OFF, SLEEPING, STARTING, RUNNING, THROTTLED, SHUTTING_DOWN, FAULT, IN_STANDBY = range(8)
_OLD_STATE = np.array([1, 2, 3, 4, 5, 6, 7, 8])
"""103 St of each 701 InvSt."""
_MODES = 0b1111
"""702 CtrlModes: MAX_W, FIXED_W, FIXED_VAR, FIXED_PF."""
_OVER_TEMPERATURE = 1 << 7
_NAN = float("nan")
SOC_FACTOR = -1


def put_nameplate(image: Image, controls: Controls, devices: list[SimDevice]) -> None:
    """Write identity, ratings, scale factors and factory settings of all devices."""
    _put_identity(image, devices)
    _put_factors(image, devices)
    _put_ratings(image, controls, devices)
    _preset_controls(controls, devices)


def _put_identity(image: Image, devices: list[SimDevice]) -> None:
    image.put_text("1.Mn", [d.vendor.manufacturer for d in devices])
    image.put_text("1.Md", [f"{d.vendor.model} {d.base_w / 1000:g}" for d in devices])
    image.put_text("1.Opt", [d.kind for d in devices])
    image.put_text("1.Vr", ["2.1.0"] * len(devices))
    image.put_text("1.SN", [d.serial for d in devices])
    image.put("1.DA", 1.0)
    image.put("701.ACType", [2.0 if d.three_phase else 0.0 for d in devices])


def _put_factors(image: Image, devices: list[SimDevice]) -> None:
    """Scale factors: fine for small devices, coarse for large; percentages as the vendor likes."""
    largest = np.array([d.rated_va for d in devices])
    # 1.3 leaves int16 room above the rating.
    power = np.ceil(np.log10(np.maximum(largest * 1.3 / 32767.0, 0.1))).astype(np.int64)
    for key in ("701.W", "701.VA", "701.Var", "702.W", "702.VA", "702.Var"):
        image.set_factor(f"{key}_SF", power)
    for key in ("103.W", "103.VA", "103.VAr"):
        image.set_factor(f"{key}_SF", power)
    fixed = {
        "103.A": -1, "103.V": -1, "103.Hz": -2, "103.PF": -1, "103.WH": 1, "103.Tmp": -1,
        "701.A": -1, "701.V": -1, "701.Hz": -3, "701.PF": -3, "701.TotWh": 0,
        "701.TotVarh": 0, "701.Tmp": -1, "702.PF": -3, "702.V": -1, "702.A": -1, "702.S": -3,
        "703.V": -1, "703.Hz": -2, "704.PF": -3,
    }  # fmt: skip
    for key, exponent in fixed.items():
        image.set_factor(f"{key}_SF", exponent)
    percent = np.array([d.vendor.pct_sf for d in devices])
    setting = np.array([d.vendor.set_sf for d in devices])
    for name in ("WMaxLimPct", "WSetPct", "VarSetPct"):
        image.set_factor(f"704.{name}_SF", percent)
    for name in ("WSet", "VarSet"):
        image.set_factor(f"704.{name}_SF", setting)
    storage = np.flatnonzero([d.kind == "battery" for d in devices])
    energy = np.array([d.rated_wh for d in devices])
    exponents = np.ceil(np.log10(np.maximum(energy / 65534.0, 1.0))).astype(np.int64)
    image.set_factor("713.WH_SF", exponents, storage)
    image.set_factor("713.Pct_SF", SOC_FACTOR, storage)


def _put_ratings(image: Image, controls: Controls, devices: list[SimDevice]) -> None:
    base = np.array([d.base_w for d in devices])
    apparent = np.array([d.rated_va for d in devices])
    var = np.array([d.rated_var for d in devices])
    absorbs = np.array([d.rated_charge_w > 0 for d in devices])
    charge = np.where(absorbs, [d.rated_charge_w for d in devices], _NAN)
    # An absorber says how little it can inject: nothing.
    discharge = np.where(absorbs, [d.rated_w for d in devices], _NAN)
    volts = np.array([d.voltage_v for d in devices])
    phases = np.sqrt([3.0 if d.three_phase else 1.0 for d in devices])
    settings = {
        "WMax": base, "VAMax": apparent, "VarMaxInj": var, "VarMaxAbs": var,
        "WChaRteMax": charge, "WDisChaRteMax": discharge,
    }  # fmt: skip
    for name, values in settings.items():
        image.put(f"702.{name}Rtg", values)
        image.put(f"702.{name}", values)
        rating = np.nan_to_num(values)
        controls.values[f"702.{name}"][:] = rating
        # What rounding to the scale factor made of the rating may be written back.
        controls.ratings[f"702.{name}Rtg"] = rating + image.factors[_factor_of(name)] / 2
    plain = {
        "VNom": volts, "VMax": volts * 1.1, "VMin": volts * 0.88,
        "AMax": apparent / volts / phases, "PFOvrExt": 0.9, "PFUndExt": 0.9,
    }  # fmt: skip
    for name, value in plain.items():
        image.put(f"702.{name}Rtg", value)
        image.put(f"702.{name}", value)
    image.put("702.NorOpCatRtg", 1.0)
    image.put("702.AbnOpCatRtg", [0.0 if d.kind == "genset" else 2.0 for d in devices])
    image.put("702.CtrlModes", float(_MODES))


def _factor_of(name: str) -> str:
    unit = "Var" if name.startswith("Var") else "VA" if name.startswith("VA") else "W"
    return f"702.{unit}_SF"


def _preset_controls(controls: Controls, devices: list[SimDevice]) -> None:
    for key in controls.values:
        if not key.startswith("702."):
            controls.preset(key, 0.0)
    for function in TIMED:
        controls.image.put(function.remaining, 0.0)
    ramp = np.array([float(d.ramp_pct_s) for d in devices])
    factory: dict[str, Floats | float] = {
        "703.ES": 1.0, "703.ESVHi": 105.0, "703.ESVLo": 91.7, "703.ESHzHi": 60.1,
        "703.ESHzLo": 59.5, "703.ESDlyTms": 3.0, "703.ESRmpTms": 5.0,
        "704.WMaxLimPct": 100.0, "704.WMaxLimPctRvrt": 100.0, "704.WSetMod": 1.0,
        "704.VarSetMod": 4.0, "704.WRmp": ramp, "704.WRmpRef": 1.0, "704.AntiIslEna": 1.0,
        "704.PFWInj.PF": 1.0, "704.PFWInjRvrt.PF": 1.0, "704.PFWAbs.PF": 1.0,
        "704.PFWAbsRvrt.PF": 1.0, "715.OpCtl": 1.0,
    }  # fmt: skip
    for key, value in factory.items():
        controls.preset(key, value)


class Publisher:
    """Keeps the measurements in the image as fresh as the physics, only when somebody reads."""

    def __init__(self, image: Image, plant: Plant) -> None:
        """Show the first measurements."""
        self.image = image
        self.plant = plant
        self.frozen = np.zeros(len(plant.devices), bool)
        """Devices whose measurements stand still (a fault)."""
        self._shown = -1
        self._phases = np.array([3.0 if d.three_phase else 1.0 for d in plant.devices])
        self._volts = np.array([d.voltage_v for d in plant.devices])
        self._storage = plant.sources.rows["battery"]

    def refresh(self) -> None:
        """Bring the image up to the last physics step; cheap when it already is."""
        if self._shown == self.plant.ticks:
            return
        self._shown = self.plant.ticks
        rows: Rows = np.flatnonzero(~self.frozen) if self.frozen.any() else ALL
        for key, values in self._measurements().items():
            self.image.put(key, values[rows], rows)
        alive = self._storage[~self.frozen[self._storage]]
        sources = self.plant.sources
        stored, rated = sources.stored_wh[alive], sources.rated_wh[alive]
        image = self.image
        image.put("713.WHRtg", rated, alive)
        image.put("713.WHAvail", stored, alive)
        image.put("713.SoC", 100.0 * stored / rated, alive)
        image.put("713.SoH", 98.0, alive)
        image.put("713.Sta", 0.0, alive)

    def _measurements(self) -> dict[str, Floats]:
        plant = self.plant
        state, throttled = self.states()
        p, q = plant.p_w, plant.q_var
        values: dict[str, Floats] = {
            "701.St": np.isin(state, (STARTING, RUNNING, THROTTLED, SHUTTING_DOWN)).astype(float),
            "701.InvSt": state,
            "701.ConnSt": self._connected().astype(float),
            "701.Alrm": self._alarms(),
            "701.DERMode": np.zeros_like(p),
            "701.TotWhInj": plant.wh_injected,
            "701.TotWhAbs": plant.wh_absorbed,
            "701.TotVarhInj": plant.varh_injected,
            "701.TotVarhAbs": plant.varh_absorbed,
            "701.ThrotPct": 100.0 * np.maximum(plant.high_w - p, 0.0) / plant.controls["702.WMax"],
            "701.ThrotSrc": self._causes(throttled),
            "103.St": _OLD_STATE[state.astype(np.intp)].astype(float),
            "103.Evt1": np.zeros_like(p),
            "103.WH": plant.wh_injected,
            "715.LocRemCtl": plant.controls.local.astype(float),
            "715.DERHb": np.floor(plant.heartbeat),
            "703.ESDlyRemTms": np.ceil(plant.entry_rem_s - 1e-6),
        }
        for function in TIMED:
            values[function.remaining] = np.ceil(plant.controls.remaining[function.remaining])
        self._add_electrical(values, p, q)
        return values

    def _add_electrical(self, values: dict[str, Floats], p: Floats, q: Floats) -> None:
        """Add power, voltage, current, in total and per phase, in 701 and in 103."""
        plant, phases = self.plant, self._phases
        three = phases > 1
        s = np.hypot(p, q)
        # Injection lifts the voltage at the device by up to 2 %.
        volts = self._volts * (plant.voltage_pu + 0.02 * p / plant.base_w)
        to_neutral = volts / np.sqrt(phases)
        between = np.where(three, volts, _NAN)
        current = s / to_neutral / phases
        factor = np.where(s > 0, p / np.maximum(s, 1e-9), 1.0)
        hertz = np.full_like(p, plant.frequency_hz)
        warm = 25.0 + 18.0 * np.abs(p) / plant.base_w
        values |= {
            "701.W": p, "701.VA": s, "701.Var": q, "701.PF": factor, "701.A": current * phases,
            "701.LLV": between, "701.LNV": to_neutral, "701.Hz": hertz,
            "701.TmpAmb": np.full_like(p, 25.0), "701.TmpCab": warm, "103.TmpCab": warm,
            "103.A": current * phases, "103.W": p, "103.VA": s, "103.VAr": q,
            "103.PF": 100.0 * factor, "103.Hz": hertz,
        }  # fmt: skip
        lines = (("1", "A", "VL1L2", "AB"), ("2", "B", "VL2L3", "BC"), ("3", "C", "VL3L1", "CA"))
        for number, letter, pair, old_pair in lines:
            here = three if number != "1" else np.ones_like(three)
            values |= {
                f"701.WL{number}": np.where(here, p / phases, _NAN),
                f"701.VAL{number}": np.where(here, s / phases, _NAN),
                f"701.VarL{number}": np.where(here, q / phases, _NAN),
                f"701.PFL{number}": np.where(here, factor, _NAN),
                f"701.AL{number}": np.where(here, current, _NAN),
                f"701.VL{number}": np.where(here, to_neutral, _NAN),
                f"701.{pair}": between,
                f"103.Aph{letter}": np.where(here, current, _NAN),
                f"103.PhVph{letter}": np.where(here, to_neutral, _NAN),
                f"103.PPVph{old_pair}": between,
            }

    def _connected(self) -> Flags:
        plant = self.plant
        return np.asarray(plant.permitted & (plant.in_service | (plant.p_w != 0)))

    def _alarms(self) -> Floats:
        return self.plant.alarm_bits + np.where(self.plant.tripped, float(_OVER_TEMPERATURE), 0.0)

    def states(self) -> tuple[Floats, Flags]:
        """701 InvSt of all devices, and which are held below their wish by a control."""
        plant, controls = self.plant, self.plant.controls
        steered = (controls["704.WSetEna"] == 1) | (controls["704.WMaxLimPctEna"] == 1)
        held = np.abs(plant.natural_w - plant.p_w) > 0.02 * plant.base_w
        follows_nature = np.ones(len(held), bool)
        for kind in ("battery", "genset"):
            follows_nature[plant.sources.rows[kind]] = False
        throttled = steered & held & follows_nature
        moving = np.abs(plant.p_w) > 0
        operation = controls["715.OpCtl"]
        idle = np.where(follows_nature, SLEEPING, IN_STANDBY)
        state = np.where(throttled, THROTTLED, np.where(moving, RUNNING, idle))
        state[self._storage] = RUNNING
        state[self._cranking()] = STARTING
        state = np.where(operation == STANDBY, np.where(moving, SHUTTING_DOWN, IN_STANDBY), state)
        waiting = plant.entry_rem_s > 0
        state = np.where(plant.in_service, state, np.where(waiting, STARTING, OFF))
        state = np.where((operation == STOP) & moving, SHUTTING_DOWN, state)
        state = np.where(plant.permitted | waiting, state, OFF)
        return np.where(plant.tripped, FAULT, state).astype(float), throttled

    def _cranking(self) -> Rows:
        sources = self.plant.sources
        rows = sources.rows["genset"]
        return rows[sources.cranking[rows]]

    def _causes(self, throttled: Flags) -> Floats:
        """701 ThrotSrc: bit 0 limit, bit 1 fixed power."""
        controls = self.plant.controls
        limited = (controls["704.WMaxLimPctEna"] == 1).astype(float)
        fixed = (controls["704.WSetEna"] == 1).astype(float)
        return np.where(throttled, limited + 2.0 * fixed, 0.0)
