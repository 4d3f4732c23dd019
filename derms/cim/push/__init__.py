"""Delivery of what is pushed: partners and subscriptions, addresses, credentials, the wire.

Read first: `delivery.py` (order, back-off, parking), `wire.py` (HTTP), `partners.py` (services).
Rooms above push through `derms.cim.pushing`.
"""
