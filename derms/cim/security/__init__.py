"""Who sent a message and whether it may be believed: WS-Security, policy, freshness, signing.

The door calls `admission.admit` before anything of a message is read, and `freshness.check` once
its Header is known. Nothing here knows a noun. Read first: admission.py, signature.py.
"""
