"""Store what devices state of themselves: settings, and what the register does not know yet.

For southbound polling, which reads them at first contact and then every hour.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from derms.core import bulk, clock
from derms.devices.services.announce import announce_devices

_SETTING_COLUMNS = ("max_w", "max_charge_w", "max_va", "max_var_injected", "max_var_absorbed")
_TEXT_COLUMNS = ("manufacturer", "model", "serial_number", "firmware_version")

_SETTINGS = """
INSERT INTO devices_devicesettings AS old
    (device_id, {columns}, min_soc_pct, max_soc_pct, read_at)
SELECT device_id, {columns}, 5, 100, %(now)s FROM {new}
ON CONFLICT (device_id) DO UPDATE SET ({columns}, read_at) = ROW({excluded}, %(now)s)
"""
_CHANGED = """
SELECT new.device_id FROM {new} LEFT JOIN devices_devicesettings AS old USING (device_id)
WHERE ({old}) IS DISTINCT FROM ({values})
"""
"""


def store_settings(settings: Mapping[int, Mapping[str, float | None]]) -> int:
    pass
"""
