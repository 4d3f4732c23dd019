"""The correlation id that follows one request from browser or DMS to the device command."""

import uuid
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("correlation_id", default="")


def current() -> str:
    """Return the correlation id of this context; empty outside any request."""
    return _current.get()


def bind(value: str | None = None) -> str:
    """Set and return the correlation id; a new one when none is given."""
    chosen = value or uuid.uuid4().hex
    _current.set(chosen)
    return chosen
