"""Pure rules of the alarms room."""
