"""Facts that must arrive: the transactional outbox, publish, subscribe and the relay.

Read first: `services.py` (publish, relay), `registry.py` (subscribe), `models.py`.
"""
