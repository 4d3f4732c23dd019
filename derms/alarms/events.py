"""Facts of the alarms room."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AlarmChanged:
    """An alarm was raised, acknowledged or cleared.

    `state` is one of the ISA-18.2 states in `derms.alarms.rules.states`.
    """

    topic: ClassVar[str] = "alarms.alarm_changed"

    mrid: str
    state: str


@dataclass(frozen=True, slots=True)
class AlarmsChanged:
    """Many alarms changed in one go, such as a whole feeder losing communication."""

    topic: ClassVar[str] = "alarms.alarms_changed"

    mrids: tuple[str, ...]
    state: str
