"""The floor: errors, clock, identifiers, actors, quantities. No tables; every room may import it.

Read first: `errors.py` (the error taxonomy), `actors.py` (who asks), `clock.py` (the only clock).
"""
