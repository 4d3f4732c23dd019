"""What stands behind each kind of device: sun, cells, cars, customers, engines, wind.

Gives for every device what it would do by itself, what it can do, and what physics forbids at
once. For `plant.py`.
"""

import numpy as np
import numpy.typing as npt

from derms.southbound.simulator.fleet import KINDS, SimDevice
from derms.southbound.simulator.image import Floats
from derms.southbound.simulator.weather import Weather

EFFICIENCY = 0.96
"""One way, battery and car charger."""
MIN_SOC, MAX_SOC, TAPER = 0.05, 1.0, 0.05
"""Usable band of the state of charge and the width over which power tapers off at its ends."""
HOME_BAND, HOME_SHARE = 0.05, 0.10
"""A battery left alone goes back to its home state of charge at this share of its rating."""
GENSET_MIN_SHARE, GENSET_START_S = 0.3, 20.0
LOAD_FIRM_SHARE = 0.35
"""Share of the present load that cannot be curtailed."""
CAR_STAY_S, CAR_GAP_S = (3600.0, 5 * 3600.0), 900.0


class Sources:
    """Bounds and wishes of all devices at an instant; all arrays are [n]."""

    def __init__(self, devices: list[SimDevice], rng: np.random.Generator) -> None:
        """Start with cars plugged in, batteries part charged, engines off."""
        count = len(devices)
        kinds = np.array([d.kind for d in devices])
        self.rows = {kind: np.flatnonzero(kinds == kind) for kind in KINDS}
        self.rated_w = np.array([d.rated_w for d in devices])
        self.charge_w = np.array([d.rated_charge_w for d in devices])
        self.absorbs_only = np.isin(kinds, ("ev_charger", "load"))
        self.natural_w, self.low_w, self.high_w = (np.zeros(count) for _ in range(3))
        self.floor_w, self.ceiling_w = (np.zeros(count) for _ in range(2))
        """What physics allows at this very instant; power outside it is cut without a ramp."""
        self.panel_share = rng.uniform(0.9, 1.1, count)
        """Peak of the modules over the rating of the inverter."""
        self.rated_wh = np.array([d.rated_wh for d in devices])
        self.home_soc = rng.uniform(0.5, 0.7, count)
        self.stored_wh = self.rated_wh * np.clip(
            self.home_soc + rng.uniform(-0.1, 0.1, count), 0, 1
        )
        self.use_share = rng.uniform(0.7, 1.0, count)
        self._rng = rng
        self.car_need_wh = np.zeros(count)
        self.car_until_s = np.zeros(count)
        self.car_in = np.zeros(count, bool)
        self._cars_known = False
        self.start_rem_s = np.full(count, GENSET_START_S)
        self.engine_on = np.zeros(count, bool)
        self.cranking = np.zeros(count, bool)
        self.load_w = np.zeros(count)

    def advance(
        self,
        weather: Weather,
        at_s: float,
        seconds: tuple[float, float],
        p_w: Floats,
        wanted_w: Floats,
    ) -> None:
        """Refresh all bounds for the instant at_s.

        Args:
            weather: sky and grid.
            at_s: Unix time in the simulated world [s].
            seconds: simulated and real time since the last call [s].
            p_w: present power [W], [n].
            wanted_w: set point in force, 0 where there is none [W], [n]; starts engines.
        """
        world_s, real_s = seconds
        self._sun_and_wind(weather, at_s)
        self._batteries(max(world_s, 1e-3) / 3600.0)
        self._cars(at_s, world_s)
        self._customers(weather, at_s)
        self._engines(real_s, p_w, wanted_w)

    def _sun_and_wind(self, weather: Weather, at_s: float) -> None:
        pv, wind = self.rows["pv"], self.rows["wind"]
        self.high_w[pv] = (
            np.minimum(weather.sun(at_s) * self.panel_share, 1.0)[pv] * self.rated_w[pv]
        )
        self.high_w[wind] = weather.wind(at_s)[wind] * self.rated_w[wind]
        for rows in (pv, wind):
            self.natural_w[rows] = self.ceiling_w[rows] = self.high_w[rows]

    def _batteries(self, hours: float) -> None:
        rows = self.rows["battery"]
        wh, rated, charge = self.rated_wh[rows], self.rated_w[rows], self.charge_w[rows]
        soc = self.stored_wh[rows] / wh
        # The second term stops exactly at the edge: no step takes more than there is.
        out_w = np.maximum(self.stored_wh[rows] - MIN_SOC * wh, 0.0) * EFFICIENCY / hours
        in_w = np.maximum(MAX_SOC * wh - self.stored_wh[rows], 0.0) / EFFICIENCY / hours
        self.ceiling_w[rows] = np.minimum(rated, out_w)
        self.floor_w[rows] = -np.minimum(charge, in_w)
        fade_out = np.clip((soc - MIN_SOC) / TAPER, 0.0, 1.0)
        fade_in = np.clip((MAX_SOC - soc) / TAPER, 0.0, 1.0)
        self.high_w[rows] = np.minimum(rated * fade_out, self.ceiling_w[rows])
        self.low_w[rows] = np.maximum(-charge * fade_in, self.floor_w[rows])
        away = soc - self.home_soc[rows]
        self.natural_w[rows] = HOME_SHARE * rated * np.clip(away / HOME_BAND, -1.0, 1.0)

    def _cars(self, at_s: float, world_s: float) -> None:
        rows = self.rows["ev_charger"]
        if not len(rows):
            return
        self._come_and_go(rows, at_s, world_s)
        hours = max(world_s, 1e-3) / 3600.0
        can = np.where(self.car_in[rows], self.car_need_wh[rows] / EFFICIENCY / hours, 0.0)
        self.low_w[rows] = -np.minimum(self.charge_w[rows], can)
        self.natural_w[rows] = self.floor_w[rows] = self.low_w[rows]

    def _come_and_go(self, rows: npt.NDArray[np.intp], at_s: float, world_s: float) -> None:
        arrive_share = 0.75 if not self._cars_known else world_s / CAR_GAP_S
        self.car_in[rows] &= at_s < self.car_until_s[rows]
        arrives = ~self.car_in[rows] & (self._rng.random(len(rows)) < arrive_share)
        new = rows[arrives]
        self.car_in[new] = True
        stay_s = self._rng.uniform(*CAR_STAY_S, len(new))
        # Those already there at the start are somewhere in the middle of their stay.
        elapsed = 1.0 if self._cars_known else self._rng.uniform(0.2, 1.0, len(new))
        self.car_until_s[new] = at_s + stay_s * elapsed
        self.car_need_wh[new] = self._rng.uniform(6_000.0, 45_000.0, len(new))
        self._cars_known = True

    def _customers(self, weather: Weather, at_s: float) -> None:
        rows = self.rows["load"]
        self.load_w[rows] = (weather.custom(at_s) * self.use_share * self.charge_w)[rows]
        self.natural_w[rows] = self.low_w[rows] = self.floor_w[rows] = -self.load_w[rows]
        self.high_w[rows] = -LOAD_FIRM_SHARE * self.load_w[rows]

    def _engines(self, real_s: float, p_w: Floats, wanted_w: Floats) -> None:
        rows = self.rows["genset"]
        least = GENSET_MIN_SHARE * self.rated_w[rows]
        wanted = wanted_w[rows] >= least / 2.0
        on = self.engine_on[rows]
        cranking = wanted & ~on
        self.start_rem_s[rows] = np.where(cranking, self.start_rem_s[rows] - real_s, GENSET_START_S)
        self.cranking[rows] = cranking
        started = cranking & (self.start_rem_s[rows] <= 0.0)
        self.engine_on[rows] = started | (on & (wanted | (p_w[rows] > 0.0)))
        self.high_w[rows] = self.rated_w[rows]
        self.ceiling_w[rows] = np.where(self.engine_on[rows], self.rated_w[rows], 0.0)

    def respect_minimum(self, asked_w: Floats, limit_w: Floats) -> Floats:
        """Below half its least power an engine stops, above it runs at least at that.

        Args:
            asked_w: power asked for [W], [n].
            limit_w: limit in force [W], inf where there is none; an engine that cannot run
                below it stops.
        """
        rows = self.rows["genset"]
        least = GENSET_MIN_SHARE * self.rated_w[rows]
        asked = asked_w[rows]
        stops = (asked < least / 2.0) | (limit_w[rows] < least)
        held = np.where(stops, 0.0, np.maximum(asked, least))
        result = asked_w.copy()
        result[rows] = np.where(self.engine_on[rows], held, 0.0)
        return result

    def natural_var(self, p_w: Floats) -> Floats:
        """Reactive power without control [var]: loads absorb at power factor 0.97, others none."""
        result = np.zeros_like(p_w)
        rows = self.rows["load"]
        result[rows] = 0.25 * p_w[rows]
        return result

    def exchange(self, p_w: Floats, hours: float) -> None:
        """Take the energy of a step out of, or into, cells and cars."""
        rows = self.rows["battery"]
        p = p_w[rows]
        self.stored_wh[rows] -= np.where(p > 0, p / EFFICIENCY, p * EFFICIENCY) * hours
        cars = self.rows["ev_charger"]
        self.car_need_wh[cars] = np.maximum(
            self.car_need_wh[cars] + p_w[cars] * EFFICIENCY * hours, 0.0
        )
