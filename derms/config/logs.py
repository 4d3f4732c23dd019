"""Structured logs: one JSON line an event, carrying the correlation id."""

import logging
from typing import Any

import structlog
from structlog.types import EventDict, WrappedLogger

from derms.core import correlation


def _add_correlation(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    current = correlation.current()
    if current:
        event["correlation_id"] = current
    return event


def json_formatter(**_: Any) -> logging.Formatter:
    """Return the formatter that `settings.LOGGING` names."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _add_correlation,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
    )
