"""Pure rules of the partner bench."""
