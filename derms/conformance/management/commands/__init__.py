"""Commands of the partner bench."""
