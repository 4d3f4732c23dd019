"""Units, multipliers, directions and interval lengths of DER parameters, in and out.

Used by the noun modules of the rooms. Source: IEC 61968-5 DERMonitorableParameter and
DispatchSchedule; section 5 of docs/standards/61968-5.md.
"""

import datetime as dt
from itertools import pairwise

from dateutil.relativedelta import relativedelta
from lxml import etree

from derms.cim.parts import read_integer, text_of
from derms.core.errors import InvalidInputError, RuleViolationError

MULTIPLIERS = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "none": 0, "d": -1, "c": -2, "m": -3, "micro": -6, "n": -9, "p": -12, "f": -15, "a": -18,
    "z": -21, "y": -24,
}  # fmt: skip
"""Exponent of ten of every UnitMultiplier."""

UNITS = {
    "activePower": "W",
    "reactivePower": "VAr",
    "apparentPower": "VA",
    "voltage": "V",
    "increasingRampRate": "WPers",
    "decreasingRampRate": "WPers",
}
"""Unit each parameter must come in; the regulation signals are taken in W."""

# `forward` is read as injection, like no flowDirection at all; `reverse` negates. The enumeration's
# own text has it from the customer's side, so a client that means that must leave it out.
_SIGNS = {"": 1.0, "none": 1.0, "net": 1.0, "forward": 1.0, "reverse": -1.0}

_FIXED_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "D": 86400.0}
_CALENDAR_MONTHS = {"M": 1, "Y": 12}


def sign_of(parameter: etree._Element) -> float:
    """Return 1 or -1 by the flowDirection of a DERMonitorableParameter.

    Raises:
        InvalidInputError: a direction that says nothing about injection (2.29).
    """
    flow = text_of(parameter, "flowDirection")
    if flow not in _SIGNS:
        raise InvalidInputError(
            f"flowDirection {flow} says nothing about injection; use forward, reverse or none",
            code="flow_direction",
            cim_code="2.29",
        )
    return _SIGNS[flow]


def factor_of(parameter: etree._Element) -> float:
    """Return the factor from the values of a DERMonitorableParameter to SI, injection positive.

    Raises:
        InvalidInputError: the unit does not fit the parameter, or the flow direction is none
            that we understand (2.29).
    """
    kind = text_of(parameter, "DERParameter")
    unit, wanted = text_of(parameter, "yUnit"), UNITS.get(kind, "W")
    if unit != wanted:
        raise InvalidInputError(
            f"{kind} comes in {wanted}, not in {unit}", code="unit_mismatch", cim_code="2.29"
        )
    return sign_of(parameter) * 10.0 ** MULTIPLIERS[text_of(parameter, "yMultiplier")]


def read_interval_s(schedule: etree._Element, start_at: dt.datetime, count: int) -> float:
    """Return the length of every interval [s]; months and years only where all are alike.

    Args:
        schedule: A DispatchSchedule.
        start_at: Its start.
        count: How many intervals it has.

    Raises:
        RuleViolationError: no positive length, or intervals of different length (6.1).
    """
    duration = read_integer(text_of(schedule, "timeIntervalDuration"), "timeIntervalDuration")
    unit = text_of(schedule, "timeIntervalUnit")
    if duration <= 0:
        raise RuleViolationError(
            f"timeIntervalDuration {duration} is not positive", code="bad_duration"
        )
    if unit in _FIXED_S:
        return duration * _FIXED_S[unit]
    try:
        months = duration * _CALENDAR_MONTHS[unit]
        starts = [start_at + relativedelta(months=months * k) for k in range(count + 1)]
    except (ValueError, OverflowError) as error:
        raise beyond_calendar() from error
    lengths = {(b - a).total_seconds() for a, b in pairwise(starts)}
    if len(lengths) != 1:
        raise RuleViolationError(
            "Intervals of months or years are of different length; give days", code="bad_duration"
        )
    return lengths.pop()


def beyond_calendar() -> RuleViolationError:
    """Return the error for a schedule whose end is no date any more (6.1)."""
    return RuleViolationError("The schedule ends beyond the calendar", code="out_of_range")
