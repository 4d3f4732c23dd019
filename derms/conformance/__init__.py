"""The partner bench: an integrator proves his system against the sandbox before it goes live.

A run goes through a scenario step by step: messages the partner sends to us, found in the message
log, and messages we send to the partner. Nothing here serves a message or commands a device: that
is done by the same doors and services as in live work, confined by the client's stage
(`derms.accounts.scopes`). An engineer accepts a passed run, and the client goes live.
Above every room but the roof. Read first: `rules/scenarios.py`, `services/runs.py`,
`services/judging.py`.
"""
