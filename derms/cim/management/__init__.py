"""Commands of the CIM room."""
