"""Where a DER hangs: feeders, transformers and usage points with agreed limits.

Read first: `models.py`, `services.py`, `selectors.py`.
"""
