"""Reading types and reading qualities of IEC 61968-9 in terms of what we keep, and back.

For the MeterReadings messages. A reading type is eighteen numbers, such as
`0.0.2.4.19.1.12.0.0.0.0.0.0.0.0.3.72.0` (quarter-hourly kWh received from the customer); a reading
quality is three: who says so, category, index. A meter counts from the utility's side: forward is
delivered to the customer (we absorb), reverse is received from it (we inject).
Source: IEC 61968-9:2013 annexes C and D; section 2 of docs/standards/61968-9.md; ADR 0051.
"""

from dataclasses import dataclass

from derms.core.errors import InvalidInputError
from derms.core.quantities import Quality, Quantity

INTERVAL_S = 900
"""Length of our roll-ups and of the intervals we give out [s]."""

_FIELDS = 18
_FORWARD, _NET, _REVERSE = 1, 4, 19
_DIRECTIONS = {_FORWARD: (-1.0, True), _NET: (-1.0, False), _REVERSE: (1.0, True)}
_MEANS = frozenset({0, 2, 12})  # data qualifier: none, average, normal
_PERIODS_S = {0: 0, 15: 0, 3: 60, 6: 300, 2: 900, 5: 1800, 7: 3600}  # 15 is "present"
_REGISTER, _DELTA, _INSTANTANEOUS = frozenset({1, 9}), 4, frozenset({0, 6, 12})
_ELECTRICITY = frozenset({0, 1, 2})
_ALL_PHASES, _ONE_PHASE = frozenset({0, 224}), frozenset({0, 128, 129, 224})
_ENERGY = 12
# (measurement kind, unit) -> quantity; kind 8 is demand, a mean power.
_FLOWS = {
    (12, 72): Quantity.ACTIVE_POWER_W,
    (12, 73): Quantity.REACTIVE_POWER_VAR,
    (37, 38): Quantity.ACTIVE_POWER_W,
    (37, 63): Quantity.REACTIVE_POWER_VAR,
    (8, 38): Quantity.ACTIVE_POWER_W,
    (8, 63): Quantity.REACTIVE_POWER_VAR,
}
_LEVELS = {
    (54, 29): Quantity.VOLTAGE_V,
    (15, 33): Quantity.FREQUENCY_HZ,
    (4, 5): Quantity.CURRENT_A,
}
_REGISTERS = {_FORWARD: Quantity.ENERGY_ABSORBED_WH, _REVERSE: Quantity.ENERGY_INJECTED_WH}


@dataclass(frozen=True, slots=True)
class ReadingType:
    """What a reading type means here.

    Attributes:
        code: The eighteen numbers.
        quantity: What we keep.
        factor: Value in the message times this is our value (SI, positive = injection).
        period_s: Length of the interval the value is the mean or the energy of [s]; 0 for the
            value of an instant.
        one_way: The value counts one direction only; both directions together are the flow.
    """

    code: str
    quantity: Quantity
    factor: float
    period_s: int = 0
    one_way: bool = False


def read_reading_type(code: str) -> ReadingType:
    """Return what a reading type means here.

    Raises:
        InvalidInputError: not eighteen numbers (2.6), or nothing we keep (2.10).
    """
    macro, qualifier, period, accumulation, flow, commodity, kind, *details = _numbers(code)
    *unread, phases, multiplier, unit, currency = details
    is_plain = not (macro or any(unread) or currency)
    is_plain &= qualifier in _MEANS and commodity in _ELECTRICITY and abs(multiplier) <= 12
    if not is_plain or period not in _PERIODS_S:
        raise _unsupported(code)
    scale, period_s = 10.0**multiplier, _PERIODS_S[period]
    if (kind, unit) in _LEVELS and phases in _ONE_PHASE and accumulation in _INSTANTANEOUS:
        return ReadingType(code, _LEVELS[kind, unit], scale, period_s)
    if (kind, unit) not in _FLOWS or phases not in _ALL_PHASES:
        raise _unsupported(code)
    if kind == _ENERGY and accumulation in _REGISTER:
        return _register(code, flow, unit, scale)
    if flow not in _DIRECTIONS:
        raise _unsupported(code)
    sign, one_way = _DIRECTIONS[flow]
    if kind == _ENERGY and accumulation == _DELTA and period_s:
        factor = sign * scale * 3600 / period_s
    elif kind != _ENERGY and accumulation in _INSTANTANEOUS:
        factor = sign * scale
    else:
        raise _unsupported(code)
    return ReadingType(code, _FLOWS[kind, unit], factor, period_s, one_way)


def _numbers(code: str) -> list[int]:
    parts = code.split(".")
    if len(parts) != _FIELDS or not all(p.lstrip("-").isdecimal() and len(p) < 6 for p in parts):
        raise InvalidInputError(
            f"{code[:80]} is no reading type of eighteen numbers", cim_code="2.6"
        )
    return [int(part) for part in parts]


def _register(code: str, flow: int, unit: int, scale: float) -> ReadingType:
    """Return the type of a counter: what it shows at an instant, whatever its period."""
    if flow not in _REGISTERS or _FLOWS[_ENERGY, unit] is not Quantity.ACTIVE_POWER_W:
        raise _unsupported(code)
    return ReadingType(code, _REGISTERS[flow], scale)


def _unsupported(code: str) -> InvalidInputError:
    return InvalidInputError(f"Reading type {code} is nothing this system keeps", cim_code="2.10")


def _type(period: int, accumulation: int, flow: int, kind: int, unit: int) -> ReadingType:
    return read_reading_type(
        f"0.0.{period}.{accumulation}.{flow}.1.{kind}.0.0.0.0.0.0.0.0.0.{unit}.0"
    )


OF_INTERVALS = (_type(2, 4, _FORWARD, 12, 72), _type(2, 4, _REVERSE, 12, 72))
"""What is told of a time range when no reading type is asked for: Wh both ways, quarter-hourly."""

OF_INSTANTS = (
    _type(0, 12, _NET, 37, 38),
    _type(0, 12, _NET, 37, 63),
    _type(0, 12, 0, 54, 29),
    _type(0, 12, 0, 15, 33),
    _type(0, 12, 0, 4, 5),
    _type(0, 1, _FORWARD, 12, 72),
    _type(0, 1, _REVERSE, 12, 72),
)
"""What is told of the present when no reading type is asked for."""

_QUALITY_OF_CATEGORY = {
    0: Quality.GOOD,  # valid
    1: Quality.QUESTIONABLE,  # diagnostics
    2: Quality.QUESTIONABLE,  # power quality
    3: Quality.QUESTIONABLE,  # tamper
    4: Quality.QUESTIONABLE,  # data collection
    5: Quality.QUESTIONABLE,  # reasonability
    6: Quality.QUESTIONABLE,  # validation
    7: Quality.SUBSTITUTED,  # edited
    8: Quality.ESTIMATED,  # estimated
    10: Quality.QUESTIONABLE,  # questionable
    11: Quality.ESTIMATED,  # derived, unless calculated from measurements
    12: Quality.SIMULATED,  # projected
}
_EXACT = {(5, 259): Quality.LOST, (11, 0): Quality.GOOD}  # known missing read; calculated

# System 4 is "other": neither meter nor head-end nor meter data management.
QUALITY_CODES = {
    Quality.GOOD: "4.0.0",
    Quality.ESTIMATED: "4.8.0",
    Quality.SUBSTITUTED: "4.7.0",
    Quality.QUESTIONABLE: "4.10.0",
    Quality.SIMULATED: "4.12.0",
    Quality.LOST: "4.5.259",
}
CALCULATED = "4.11.0"
"""Quality of what we calculate from measurements: the mean or the sum of good values."""


def read_qualities(codes: str) -> int:
    """Return the worst `Quality` among reading qualities in one text; -1 when one is unknown.

    Args:
        codes: Such as `1.0.0 2.4.260`; empty means that nothing was said: good.
    """
    worst = int(Quality.GOOD)
    for code in codes.split():
        parts = code.split(".")
        if len(parts) != 3 or not all(part.isdecimal() and len(part) < 6 for part in parts):
            return -1
        _, category, index = map(int, parts)
        quality = _EXACT.get((category, index), _QUALITY_OF_CATEGORY.get(category))
        if quality is None:
            return -1
        worst = max(worst, int(quality))
    return worst
