"""The REST door of groups."""
