"""The REST door of dispatches."""
