"""Forecasts of groups and devices; until models are trained, persistence inside the limits.

Read first: `selectors.py`.
"""
