"""A partner that is told things: a program of its own that shares no code with the product."""
