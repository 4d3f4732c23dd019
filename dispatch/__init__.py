"""What we ask of DERs: group dispatches, schedules, allocation, closed loop, delivery.

Read first: `services.py`, `rules/allocation.py`, `models.py`.
"""
