"""The wires to the devices: driver contract, registry, polling and the command journal.

No other room imports a driver. Read first: `contract.py`, `services.py`, `models.py`.
"""
