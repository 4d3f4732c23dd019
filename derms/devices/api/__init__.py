"""REST door of the devices room."""
