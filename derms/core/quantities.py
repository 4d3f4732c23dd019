"""Physical quantities and the sign convention, stated once.

Positive active power is injection into the grid (generation, battery discharge); positive
reactive power is injection of vars (over-excited). Only codecs convert from other conventions.
Everything inside is in SI base units: W, var, VA, V, Hz, Wh, percent, seconds.
"""

from enum import IntEnum


class Quantity(IntEnum):
    """What a reading measures; the number is what the readings table stores."""

    ACTIVE_POWER_W = 1
    REACTIVE_POWER_VAR = 2
    VOLTAGE_V = 3
    FREQUENCY_HZ = 4
    SOC_PCT = 5
    ENERGY_AVAILABLE_WH = 6
    AVAILABLE_POWER_W = 7
    """Active power the device could inject now if nothing held it back."""
    ENERGY_INJECTED_WH = 8
    ENERGY_ABSORBED_WH = 9
    CURRENT_A = 10


class Quality(IntEnum):
    """How far a value can be trusted; higher is worse, GOOD is the only one counted as good."""

    GOOD = 0
    ESTIMATED = 1
    SUBSTITUTED = 2
    QUESTIONABLE = 3
    SIMULATED = 4
    LOST = 5


def power_text(value: float, unit: str = "W") -> str:
    """Write a power for people: `2.40 MW`, `-350 kvar`; three significant digits at least.

    Args:
        value: In base units.
        unit: `W`, `var` or `VA`.
    """
    size = abs(value)
    for factor, prefix in ((1e6, "M"), (1e3, "k")):
        if size >= factor:
            scaled = value / factor
            digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
            return f"{scaled:.{digits}f} {prefix}{unit}"
    return f"{value:.0f} {unit}"
