"""REST door of the alarms."""
