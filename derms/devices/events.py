"""Facts the devices room announces."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """Devices were registered or changed; `count` of them, in one transaction."""

    topic: ClassVar[str] = "devices.devices_changed"
    count: int


@dataclass(frozen=True, slots=True)
class ImportRequested:
    """A CSV import waits to be run."""

    topic: ClassVar[str] = "devices.import_requested"
    mrid: str
