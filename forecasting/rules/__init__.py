"""Pure computations of the forecasting room: schedules and persistence."""
