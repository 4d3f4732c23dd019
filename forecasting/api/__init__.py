"""The REST door of forecasting."""
