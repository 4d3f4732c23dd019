"""Sun, clouds, wind, frequency and voltage over the feeders, as pure functions of time.

Correlated noise is a sum of slow sines with phases from the seed: smooth, repeatable, no state.
Clouds drift: a feeder, and a device on it, sees what its western neighbour saw a little earlier.
For `plant.py`.
"""

import contextlib
import math

import numpy as np

from derms.southbound.simulator.image import Floats

_PERIODS_S = np.array([73.0, 191.0, 463.0, 1103.0])
_SHARES = np.array([0.15, 0.25, 0.3, 0.3])
_FEEDER_LAG_S = 90.0
_CLOUD_DEPTH = 0.6


class Weather:
    """What the sky and the grid do at an instant, per device."""

    def __init__(
        self,
        *,
        feeder: Floats,
        seed: int,
        sun: str = "auto",
        latitude_deg: float = 40.0,
        longitude_deg: float = 0.0,
    ) -> None:
        """Prepare the sky.

        Args:
            feeder: feeder number of each device, float [n].
            seed: of clouds and wind.
            sun: `auto` bright synthetic day at any hour, `clear-sky` by time and place, or a
                fixed factor such as `0.6`.
            latitude_deg: north positive, for `clear-sky`.
            longitude_deg: east positive, for `clear-sky`.

        Raises:
            ValueError: `sun` is none of these.
        """
        rng = np.random.default_rng(seed)
        self._phases = rng.uniform(0.0, 2 * math.pi, size=(4, len(_PERIODS_S)))
        self._lag_s = feeder * _FEEDER_LAG_S + rng.uniform(0.0, 30.0, len(feeder))
        self._fixed = None if sun in {"auto", "clear-sky"} else _share(sun)
        self._auto = sun == "auto"
        self._place = (latitude_deg, longitude_deg)
        self.factor = np.ones(len(feeder))
        """Multiplies sun and wind; set over the control port, [n]."""

    def _noise(self, at_s: Floats, channel: int) -> Floats:
        """Smooth noise about 0, mostly within -1..1, same shape as at_s."""
        angle = at_s[:, None] * (2 * math.pi / _PERIODS_S) + self._phases[channel]
        return np.asarray(1.6 * (np.sin(angle) @ _SHARES))

    def sun(self, at_s: float) -> Floats:
        """Share of full irradiance (1 kW/m2) on each device, 0..1, [n].

        Args:
            at_s: Unix time in the simulated world [s].
        """
        if self._fixed is not None:
            return np.clip(self._fixed * self.factor, 0.0, 1.0)
        bright = 0.9 + 0.06 * math.sin(at_s / 1700.0) if self._auto else self._clear_sky(at_s)
        cloud = np.clip(self._noise(at_s - self._lag_s, 0) - 0.1, 0.0, 1.0)
        return np.clip(bright * (1.0 - _CLOUD_DEPTH * cloud) * self.factor, 0.0, 1.0)

    def _clear_sky(self, at_s: float) -> float:
        """Clear-sky irradiance of the Haurwitz model over 1 kW/m2 (Haurwitz 1945)."""
        day = at_s / 86400.0
        latitude = math.radians(self._place[0])
        declination = math.radians(-23.44) * math.cos(
            2 * math.pi * (day % 365.2425 + 10) / 365.2425
        )
        hour = 2 * math.pi * ((day + self._place[1] / 360.0) % 1.0 - 0.5)
        height = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
            declination
        ) * math.cos(hour)
        return 1.098 * height * math.exp(-0.057 / height) if height > 0.01 else 0.0

    def wind(self, at_s: float) -> Floats:
        """Share of rated power the wind gives each turbine, 0..1, [n]."""
        speed = 8.5 + 2.5 * self._noise(at_s - 0.5 * self._lag_s, 1)
        return np.clip(((speed - 3.0) / 9.0) ** 3 * 3.0, 0.0, 1.0) * np.clip(self.factor, 0.0, 1.0)

    def custom(self, at_s: float) -> Floats:
        """How much customers use now, about 0.35..0.95 of the rating, [n]."""
        hour = (at_s / 3600.0 + self._place[1] / 15.0) % 24.0
        shape = 0.62 + 0.12 * math.sin((hour - 9.0) * math.pi / 12.0)
        return np.clip(shape + 0.12 * self._noise(at_s + 7.0 * self._lag_s, 2), 0.35, 0.95)

    def frequency_hz(self, at_s: float) -> float:
        """Grid frequency, one for all."""
        return 60.0 + 0.015 * float(self._noise(np.array([at_s * 5.0]), 3)[0])

    def voltage_pu(self, at_s: float) -> Floats:
        """Voltage of the feeder over nominal, without the device's own effect, [n]."""
        return 1.0 + 0.01 * self._noise(at_s + 3.0 * self._lag_s, 3)


def _share(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.0 <= float(text) <= 1.0:
            return float(text)
    raise ValueError(f"the sun is auto, clear-sky or a number from 0 to 1, not {text!r}")
