"""The only clock: aware UTC now, so tests can travel and nobody mixes zones."""

import datetime as dt


def now() -> dt.datetime:
    """Return the present instant, timezone-aware, UTC."""
    return dt.datetime.now(tz=dt.UTC)  # noqa: TID251 - this is the one place that may ask


def parse_utc(text: str) -> dt.datetime:
    """Read an ISO 8601 instant and return it in UTC.

    Args:
        text: ISO 8601 date-time; without a zone it is read as UTC.

    Raises:
        ValueError: not an ISO 8601 instant.
    """
    value = dt.datetime.fromisoformat(text)
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
