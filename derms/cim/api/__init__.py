"""REST door of the CIM message log."""
