"""Operator alarms: any room above raises and clears, operators see one list.

Read first: `services.py`, `models.py`, `rules/states.py`.
"""
