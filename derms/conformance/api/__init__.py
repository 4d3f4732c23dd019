"""REST door of the partner bench."""
