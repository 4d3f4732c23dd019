"""Reads of the forecasting room."""

from forecasting.selectors.expected import MAX_POINTS, forecast_groups
from forecasting.selectors.shapes import Curve, GroupForecast, ParameterForecast
from forecasting.selectors.told import told_forecasts

__all__ = [
    "MAX_POINTS",
    "Curve",
    "GroupForecast",
    "ParameterForecast",
    "forecast_groups",
    "told_forecasts",
]
