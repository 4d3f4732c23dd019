"""DER groups: membership over time, DERFunction flags, aggregated status.

Read first: `models.py`, `services.py`, `rules/aggregate.py`.
"""
