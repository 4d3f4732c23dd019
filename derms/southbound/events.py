"""Facts this room announces."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class CommandsQueued:
    """Commands wait in the journal for the senders of these shards."""

    topic: ClassVar[str] = "southbound.commands_queued"
    shards: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CommandsSettled:
    """A batch of commands of one origin and revision changed state.

    Attributes:
        origin: mRID of what caused the commands.
        revision: Their revision.
        counts: Commands of this batch by the state they are in now (`active`, `failed`, ...);
            only the journal has the total.
    """

    topic: ClassVar[str] = "southbound.commands_settled"
    origin: str
    revision: int
    counts: dict[str, int]
