"""Users, roles, organisations, API clients; who may do what.

Every room above may import it. Read first: `models.py`, `permissions.py`, `services.py`.
"""
