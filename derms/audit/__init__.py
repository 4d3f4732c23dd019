"""The append-only record of every state change and refused command, hash-chained.

Called by services, never by views. Read first: `services.py` (record), `rules/chain.py`,
`migrations/0002_chain.py` (sealing).
"""
