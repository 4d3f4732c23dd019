"""End devices: register, nameplate, settings, availability, status and readings.

Used by every room above. Read first: `models.py`, `services.py`, `selectors.py`.
"""
