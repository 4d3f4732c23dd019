"""Enumerations of the forecasting room; plain, so that rules may use them."""

from enum import StrEnum


class CurveStyle(StrEnum):
    """How values between points are read. Source: IEC 61968-5 CurveStyle."""

    CONSTANT = "constantYValue"
    STRAIGHT_LINE = "straightLineYValues"


class Method(StrEnum):
    """Where a forecast comes from."""

    PERSISTENCE = "persistence"
    TOLD = "told"
    """By the party whose group it is."""
