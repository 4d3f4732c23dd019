"""The REST door of dispatches and controls."""
