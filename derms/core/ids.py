"""Identifiers: every object visible outside carries an mRID (IEC 61970 IdentifiedObject)."""

import uuid


def new_mrid() -> str:
    """Return a fresh mRID: a random UUID as lower-case text."""
    return str(uuid.uuid4())
