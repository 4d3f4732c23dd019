"""The 61968-100 engine: SOAP, envelope, schemas, noun registry, message log. Knows no noun.

Rooms above register profiles in their own `cim/` package. Read first: `registry.py`,
`envelope.py`, `views.py`.
"""
