"""Writes of the devices room; each the one home of its use case."""

from derms.devices.rules.readings import ReadingBatch, Refusal, StatusBatch
from derms.devices.services.readings import StoreResult, store_readings, store_status
from derms.devices.services.register import (
    DeviceData,
    NameData,
    NameplateData,
    register_device,
    set_eligible,
    set_lifecycle,
    update_device,
)

__all__ = [
    "DeviceData",
    "NameData",
    "NameplateData",
    "ReadingBatch",
    "Refusal",
    "StatusBatch",
    "StoreResult",
    "register_device",
    "set_eligible",
    "set_lifecycle",
    "store_readings",
    "store_status",
    "update_device",
]
