"""Writes of the devices room; each the one home of its use case."""

from derms.devices.rules.readings import ReadingBatch, Refusal, StatusBatch
from derms.devices.services.exporter import export_csv
from derms.devices.services.importer import ImportReport, import_csv
from derms.devices.services.imports import fail_import, forget_imports, run_import, start_import
from derms.devices.services.partitions import keep_partitions
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
from derms.devices.services.rollups import roll_up

__all__ = [
    "DeviceData",
    "ImportReport",
    "NameData",
    "NameplateData",
    "ReadingBatch",
    "Refusal",
    "StatusBatch",
    "StoreResult",
    "export_csv",
    "fail_import",
    "forget_imports",
    "import_csv",
    "keep_partitions",
    "register_device",
    "roll_up",
    "run_import",
    "set_eligible",
    "set_lifecycle",
    "start_import",
    "store_readings",
    "store_status",
    "update_device",
]
