"""A fleet of simulated SunSpec Modbus TCP devices with physics, for demos, tests and training.

One process, no Django, no database, and on purpose no line of code shared with
`drivers/sunspec_modbus`: two independent readings of the SunSpec models cannot hide each
other's mistake. Imported by the commands `simulate` and `simulate_fault` only.
Read first: `run.py` (how the parts fit), `plant.py` (physics), `points.py` (registers).
"""
