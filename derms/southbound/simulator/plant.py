"""The physics of the whole fleet, one numpy step for all devices.

Positive power is injection. Weather, energy and time of day run at the simulated speed;
ramps, start times and reversion timers run in real seconds, because the system that
controls the devices lives in real time. For `publish.py`, `run.py` and the tests.
"""

import numpy as np
import numpy.typing as npt

from derms.southbound.simulator.controls import Controls
from derms.southbound.simulator.fleet import SimDevice
from derms.southbound.simulator.image import Floats
from derms.southbound.simulator.sources import Sources
from derms.southbound.simulator.weather import Weather

Flags = npt.NDArray[np.bool_]

STOP, STANDBY = 0, 2
"""Values of 715 OpCtl that keep a device from producing (START and EXIT_STANDBY do not)."""


class Plant:
    """State of all devices; `step` moves it on. All arrays are [n]."""

    def __init__(
        self, devices: list[SimDevice], controls: Controls, weather: Weather, *, seed: int
    ) -> None:
        """Build the fleet at rest.

        Args:
            devices: as built by `fleet.build_fleet`.
            controls: what clients wrote.
            weather: sky and grid.
            seed: of states of charge and car arrivals.
        """
        count = len(devices)
        self.devices = devices
        self.controls = controls
        self.weather = weather
        self.base_w = np.array([d.base_w for d in devices])
        self.ramp_w_per_s = self.base_w * np.array([d.ramp_pct_s for d in devices]) / 100.0
        self.sources = Sources(devices, np.random.default_rng(seed))
        self.ticks = 0
        self.frequency_hz = 60.0
        self.voltage_pu = np.ones(count)
        self.p_w = np.zeros(count)
        self.q_var = np.zeros(count)
        self.natural_w = np.zeros(count)
        """What the device would do under its own control."""
        self.low_w = np.zeros(count)
        self.high_w = np.zeros(count)
        """What the device could do at this instant, ramps aside."""
        self.wh_injected = np.zeros(count)
        self.wh_absorbed = np.zeros(count)
        self.varh_injected = np.zeros(count)
        self.varh_absorbed = np.zeros(count)
        self.entry_rem_s = np.zeros(count)
        """Time left of the enter-service delay (703 ESDlyRemTms)."""
        self.soft_rem_s = np.zeros(count)
        """Time left of the soft start that follows it (703 ESRmpTms)."""
        self.in_service = np.ones(count, bool)
        self.heartbeat = np.zeros(count)
        # Faults and hand switches, set over the control port.
        self.clock_rate = np.ones(count)
        self.stuck = np.zeros(count, bool)
        self.tripped = np.zeros(count, bool)
        self.alarm_bits = np.zeros(count)

    def settle(self, at_s: float) -> None:
        """Put every device where its own control has it, so that the start has no surge."""
        self._look_around(at_s, 1.0, 1.0)
        self.p_w[:] = np.clip(self.natural_w, self.low_w, self.high_w)

    def step(self, *, at_s: float, real_s: float, speed: float = 1.0) -> None:
        """Move the fleet on.

        Args:
            at_s: Unix time in the simulated world at the end of the step [s].
            real_s: Real time passed [s], > 0.
            speed: Simulated seconds per real second.
        """
        device_s = real_s * self.clock_rate
        self.controls.count_down(device_s)
        self.heartbeat += device_s
        self._enter_service(device_s)
        self._look_around(at_s, real_s * speed, real_s)
        target = self._active_target()
        self._move_active(target, real_s)
        self._move_reactive(real_s)
        self._count_energy(real_s * speed)
        self.ticks += 1

    @property
    def permitted(self) -> Flags:
        """Connection permitted (703 ES) and not tripped."""
        return np.asarray((self.controls["703.ES"] == 1) & ~self.tripped)

    def _enter_service(self, device_s: Floats) -> None:
        """Delay and soft start after the permit returns (IEEE 1547-2018 4.10)."""
        wanted = self.permitted & (self.controls["715.OpCtl"] != STOP)
        returning = wanted & ~self.in_service & (self.entry_rem_s <= 0)
        fresh = returning & (self.soft_rem_s <= 0)
        self.entry_rem_s[fresh] = self.controls["703.ESDlyTms"][fresh] + 1e-9
        self.soft_rem_s[fresh] = self.controls["703.ESRmpTms"][fresh] + 1e-9
        self.entry_rem_s = np.where(wanted, np.maximum(self.entry_rem_s - device_s, 0.0), 0.0)
        entered = wanted & (self.entry_rem_s <= 0)
        self.soft_rem_s = np.where(
            entered, np.maximum(self.soft_rem_s - device_s, 0.0), self.soft_rem_s * wanted
        )
        self.in_service = entered

    def _look_around(self, at_s: float, world_s: float, real_s: float) -> None:
        """Refresh what each device could do and would do now."""
        self.frequency_hz = self.weather.frequency_hz(at_s)
        self.voltage_pu = self.weather.voltage_pu(at_s)
        controls = self.controls
        wanted_w = np.where(controls["704.WSetEna"] == 1, self._set_point(), 0.0)
        self.sources.advance(self.weather, at_s, (world_s, real_s), self.p_w, wanted_w)
        self.natural_w = self.sources.natural_w
        # Settings narrow the ratings (702 WMax and its kin).
        self.high_w = np.minimum(self.sources.high_w, self._injection_max())
        self.low_w = np.maximum(self.sources.low_w, -self._absorption_max())

    def _injection_max(self) -> Floats:
        most = np.minimum(self.controls["702.WMax"], self.controls["702.VAMax"])
        storage = self.sources.rows["battery"]
        most[storage] = np.minimum(most, self.controls["702.WDisChaRteMax"])[storage]
        return most

    def _absorption_max(self) -> Floats:
        return np.minimum(self.controls["702.WChaRteMax"], self.controls["702.VAMax"])

    def _set_point(self) -> Floats:
        """Active power asked for [W], whether or not it is enabled."""
        controls = self.controls
        percent = controls["704.WSetPct"] / 100.0 * controls["702.WMax"]
        return np.where(controls["704.WSetMod"] == 1, controls["704.WSet"], percent)

    def _active_target(self) -> Floats:
        controls = self.controls
        asked = np.where(controls["704.WSetEna"] == 1, self._set_point(), self.natural_w)
        limit = controls["704.WMaxLimPct"] / 100.0 * controls["702.WMax"]
        limit = np.where(controls["704.WMaxLimPctEna"] == 1, limit, np.inf)
        target = np.minimum(self.sources.respect_minimum(asked, limit), limit)
        # Devices that only absorb have no injection to limit: theirs is a limit of absorption.
        target = np.where(self.sources.absorbs_only, np.maximum(target, -limit), target)
        target = np.clip(target, self.low_w, self.high_w)
        producing = self.in_service & (controls["715.OpCtl"] != STANDBY)
        return np.where(producing, target, 0.0)

    def _move_active(self, target: Floats, real_s: float) -> None:
        step_w = self._ramp() * real_s
        moved = self.p_w + np.clip(target - self.p_w, -step_w, step_w)
        moved = np.where(self.stuck, self.p_w, moved)
        # The sun, the car or the battery is gone at once, whatever the ramp.
        moved = np.clip(moved, self.sources.floor_w, self.sources.ceiling_w)
        apparent = self._apparent_max()
        moved = np.clip(moved, -apparent, apparent)
        self.p_w = np.where(self.permitted, moved, 0.0)

    def _ramp(self) -> Floats:
        """Slower of the device's own ramp, the one set (704 WRmp) and the soft start [W/s]."""
        set_w = self.controls["704.WRmp"] / 100.0 * self.base_w
        ramp = np.minimum(self.ramp_w_per_s, np.where(set_w > 0, set_w, np.inf))
        soft_s = np.maximum(self.controls["703.ESRmpTms"], 1e-3)
        slow = np.minimum(ramp, self.base_w / soft_s)
        return np.asarray(np.where(self.soft_rem_s > 0, slow, ramp))

    def _apparent_max(self) -> Floats:
        """Most active power the capability circle leaves [W]: reactive power may come first."""
        controls = self.controls
        first = (controls["704.VarSetEna"] == 1) & (controls["704.VarSetPri"] == 1)
        var = np.where(first, np.minimum(np.abs(self._var_asked()), self._var_max()), 0.0)
        return np.asarray(np.sqrt(np.maximum(controls["702.VAMax"] ** 2 - var**2, 0.0)))

    def _var_max(self) -> Floats:
        injected = self.controls["702.VarMaxInj"]
        return np.where(self._var_asked() >= 0, injected, self.controls["702.VarMaxAbs"])

    def _var_asked(self) -> Floats:
        """Reactive power asked for [var]: fixed var, else fixed power factor, else own."""
        c = self.controls
        percent = c["704.VarSetPct"] / 100.0
        sided = np.where(percent >= 0, c["702.VarMaxInj"], c["702.VarMaxAbs"])
        spare = np.sqrt(np.maximum(c["702.VAMax"] ** 2 - self.p_w**2, 0.0))
        choices = [
            percent * c["702.WMax"],
            percent * sided,
            percent * np.minimum(spare, sided),
            percent * c["702.VAMax"],
            c["704.VarSet"],
        ]
        mode = c["704.VarSetMod"].astype(np.intp)
        fixed = np.choose(mode, choices)
        way = np.where(self.p_w >= 0, 0, 1)
        on = np.choose(way, [c["704.PFWInjEna"], c["704.PFWAbsEna"]]) == 1
        factor = np.clip(np.choose(way, [c["704.PFWInj.PF"], c["704.PFWAbs.PF"]]), 0.01, 1.0)
        under = np.choose(way, [c["704.PFWInj.Ext"], c["704.PFWAbs.Ext"]])
        by_factor = np.abs(self.p_w) * np.sqrt(1.0 / factor**2 - 1.0) * (1.0 - 2.0 * under)
        own = np.where(on, by_factor, self.sources.natural_var(self.p_w))
        return np.where(c["704.VarSetEna"] == 1, fixed, own)

    def _move_reactive(self, real_s: float) -> None:
        asked = self._var_asked()
        most = self._var_max()
        controlled = self.controls["702.VarMaxInj"] > 0
        target = np.where(
            controlled, np.clip(asked, -most, most), self.sources.natural_var(self.p_w)
        )
        target = np.where(self.in_service, target, 0.0)
        set_var = self.controls["704.VarRmp"] / 100.0 * self.base_w
        ramp = np.minimum(2.0 * self.ramp_w_per_s, np.where(set_var > 0, set_var, np.inf))
        moved = self.q_var + np.clip(target - self.q_var, -ramp * real_s, ramp * real_s)
        moved = np.where(self.stuck, self.q_var, moved)
        spare = np.sqrt(np.maximum(self.controls["702.VAMax"] ** 2 - self.p_w**2, 0.0))
        self.q_var = np.where(self.permitted, np.clip(moved, -spare, spare), 0.0)

    def _count_energy(self, world_s: float) -> None:
        hours = world_s / 3600.0
        self.sources.exchange(self.p_w, hours)
        self.wh_injected += np.maximum(self.p_w, 0.0) * hours
        self.wh_absorbed += np.maximum(-self.p_w, 0.0) * hours
        self.varh_injected += np.maximum(self.q_var, 0.0) * hours
        self.varh_absorbed += np.maximum(-self.q_var, 0.0) * hours
