"""Store what devices state of themselves: settings, and what the register does not know yet.

For southbound polling, which reads them at first contact and then every hour.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from derms.core import bulk, clock
from derms.devices.services.announce import announce_devices

Stated = Mapping[int, Mapping[str, Any]]

_SETTING_COLUMNS = ("max_w", "max_charge_w", "max_va", "max_var_injected", "max_var_absorbed")
_TEXT_COLUMNS = ("manufacturer", "model", "serial_number", "firmware_version")

_NEW_SETTINGS = (
    "unnest(%(ids)s::int4[], "
    + ", ".join(f"%({name})s::float8[]" for name in _SETTING_COLUMNS)
    + f") AS new(device_id, {', '.join(_SETTING_COLUMNS)})"
)
_CHANGED = f"""
SELECT new.device_id FROM {_NEW_SETTINGS}
LEFT JOIN devices_devicesettings AS old USING (device_id)
WHERE ({", ".join(f"old.{name}" for name in _SETTING_COLUMNS)})
    IS DISTINCT FROM ({", ".join(f"new.{name}" for name in _SETTING_COLUMNS)})
"""
_STORE = f"""
INSERT INTO devices_devicesettings
    (device_id, {", ".join(_SETTING_COLUMNS)}, min_soc_pct, max_soc_pct, read_at)
SELECT new.device_id, {", ".join(f"new.{name}" for name in _SETTING_COLUMNS)}, 5, 100, %(now)s
FROM {_NEW_SETTINGS} JOIN devices_enddevice AS d ON d.id = new.device_id ORDER BY new.device_id
ON CONFLICT (device_id) DO UPDATE SET read_at = excluded.read_at,
    {", ".join(f"{name} = excluded.{name}" for name in _SETTING_COLUMNS)}
"""
_TOUCH = """
UPDATE devices_enddevice SET modified_at = %(now)s WHERE id = ANY(%(ids)s::int4[])
"""
_IDENTIFY = f"""
UPDATE devices_nameplate AS n
SET {", ".join(f"{c} = CASE WHEN n.{c} = '' THEN new.{c} ELSE n.{c} END" for c in _TEXT_COLUMNS)},
    rated_wh = coalesce(n.rated_wh, new.rated_wh),
    rated_voltage_v = coalesce(n.rated_voltage_v, new.rated_voltage_v)
FROM unnest(%(ids)s::int4[], {", ".join(f"%({c})s::text[]" for c in _TEXT_COLUMNS)},
    %(rated_wh)s::float8[], %(rated_voltage_v)s::float8[])
    AS new(device_id, {", ".join(_TEXT_COLUMNS)}, rated_wh, rated_voltage_v)
WHERE n.device_id = new.device_id
"""


def store_settings(stated: Stated) -> int:
    """Store what devices are set to, as they state it; None = the device does not say.

    Args:
        stated: Primary key -> max_w, max_charge_w, max_va, max_var_injected, max_var_absorbed,
            SI units; missing names count as None.

    Returns:
        Number of devices whose settings are not what they were.
    """
    if not stated:
        return 0
    parameters: dict[str, Any] = {"ids": list(stated), "now": clock.now()}
    for name in _SETTING_COLUMNS:
        parameters[name] = [values.get(name) for values in stated.values()]
    with transaction.atomic():
        changed = [key for (key,) in bulk.execute(_CHANGED, parameters).fetchall()]
        bulk.execute(_STORE, parameters)
        if changed:
            bulk.execute(_TOUCH, {"ids": changed, "now": parameters["now"]})
            announce_devices(changed)
    return len(changed)


def complete_nameplates(stated: Stated) -> None:
    """Fill what the register leaves empty with what devices state; never overwrite an entry.

    Args:
        stated: Primary key -> manufacturer, model, serial_number, firmware_version, rated_wh,
            rated_voltage_v.
    """
    if not stated:
        return
    parameters: dict[str, Any] = {"ids": list(stated)}
    for name in _TEXT_COLUMNS:
        parameters[name] = [str(values.get(name) or "")[:80] for values in stated.values()]
    for name in ("rated_wh", "rated_voltage_v"):
        parameters[name] = [values.get(name) for values in stated.values()]
    bulk.execute(_IDENTIFY, parameters)
