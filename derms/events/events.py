"""Facts the outbox itself announces."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FactParked:
    """A fact failed for good and waits for a person."""

    topic: ClassVar[str] = "events.fact_parked"

    number: int
    failed_topic: str
    error: str
