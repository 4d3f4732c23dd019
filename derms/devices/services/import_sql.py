"""The set statements of an import: staged rows against the register."""

from derms.devices.rules.device_rows import FIELDS

_TYPES = {"poll_interval_s": "int4", "eligible": "bool"}
COPIED = tuple(name for name in FIELDS if name != "owner")
_PLATE = (
    "rated_w", "rated_charge_w", "rated_va", "rated_var_injected", "rated_var_absorbed",
    "rated_wh", "ramp_w_per_s", "rated_voltage_v", "normal_category", "abnormal_category",
    "manufacturer", "model", "serial_number",
)  # fmt: skip
_DEVICE = (
    "name", "kind", "owner_id", "usage_point_id", "protocol", "address", "poll_interval_s",
    "lifecycle_state", "eligible",
)  # fmt: skip


def _type(name: str) -> str:
    if name in _TYPES:
        return _TYPES[name]
    return "float8" if FIELDS[name].low is not None else "text"


def _list(names: tuple[str, ...], prefix: str) -> str:
    return ", ".join(prefix + name for name in names)


STAGE = (
    "DROP TABLE IF EXISTS pg_temp.devices_import",
    "CREATE TEMP TABLE devices_import (row int4, owner_id int8, "
    + ", ".join(f"{name} {_type(name)}" for name in COPIED)
    + ", usage_point_id int8, device_id int4, created bool DEFAULT false,"
    " changed bool DEFAULT false) ON COMMIT DROP",
)
# In key order, as every writer of several devices locks them.
LOCK = """
SELECT d.id FROM devices_enddevice d WHERE d.mrid IN (SELECT mrid FROM devices_import)
ORDER BY d.id FOR NO KEY UPDATE
"""
TAKEN = {
    "name": """
        SELECT s.row, d.mrid FROM devices_import s JOIN devices_enddevice d ON d.name = s.name
        WHERE d.mrid <> s.mrid
    """,
    "address": """
        SELECT s.row, d.mrid FROM devices_import s
        JOIN devices_enddevice d ON (d.protocol, d.address) = (s.protocol, s.address)
        WHERE d.mrid <> s.mrid AND s.address <> ''
          AND s.lifecycle_state <> 'retired' AND d.lifecycle_state <> 'retired'
    """,
}
LIFECYCLES = """
SELECT s.row, d.lifecycle_state, s.lifecycle_state
FROM devices_import s JOIN devices_enddevice d ON d.mrid = s.mrid
WHERE d.lifecycle_state <> s.lifecycle_state
"""
TRANSFORMERS = "SELECT row, transformer, feeder FROM devices_import WHERE transformer <> ''"
FOREIGN = """
SELECT s.row FROM devices_import s JOIN devices_enddevice d ON d.mrid = s.mrid
JOIN accounts_organisation o ON o.id = d.owner_id WHERE o.mrid <> ALL(%s)
"""
RESOLVE_PLACES = """
UPDATE devices_import s SET usage_point_id = u.id FROM grid_usagepoint u
WHERE u.name = s.usage_point AND s.usage_point <> ''
"""
MARK_EXISTING = """
UPDATE devices_import s SET device_id = d.id FROM devices_enddevice d WHERE d.mrid = s.mrid
"""
# A usage point that was corrected changes what its devices may do.
MARK_MOVED = "UPDATE devices_import SET changed = true WHERE usage_point_id = ANY(%s)"
_PART = "s.row >= %(start)s AND s.row < %(end)s"
UPDATE = (
    f"""
    UPDATE devices_import s SET changed = true
    FROM devices_enddevice d LEFT JOIN devices_nameplate n ON n.device_id = d.id
    WHERE d.id = s.device_id AND {_PART}
      AND ({_list(_DEVICE, "d.")}, {_list(_PLATE, "n.")})
          IS DISTINCT FROM ({_list(_DEVICE, "s.")}, {_list(_PLATE, "s.")})
    """,
    f"""
    UPDATE devices_enddevice d
    SET ({", ".join(_DEVICE)}) = ({_list(_DEVICE, "s.")}),
        eligibility_reason = CASE WHEN d.eligible = s.eligible THEN d.eligibility_reason
                                  ELSE 'set by an import' END,
        revision = d.revision + 1, modified_at = %(now)s
    FROM devices_import s WHERE d.id = s.device_id AND s.changed AND {_PART}
    """,
    f"""
    INSERT INTO devices_nameplate AS n (device_id, {", ".join(_PLATE)}, firmware_version)
    SELECT s.device_id, {_list(_PLATE, "s.")}, ''
    FROM devices_import s WHERE s.device_id IS NOT NULL AND s.changed AND {_PART}
    ON CONFLICT (device_id) DO UPDATE SET ({", ".join(_PLATE)}) = ({_list(_PLATE, "EXCLUDED.")})
    """,
)
INSERT = (
    f"""
    WITH made AS (
        INSERT INTO devices_enddevice (
            mrid, {", ".join(_DEVICE)}, eligibility_reason, created_at, modified_at, revision)
        SELECT s.mrid, {_list(_DEVICE, "s.")},
               CASE WHEN s.eligible THEN 'set by an import' ELSE 'not yet approved' END,
               %(now)s, %(now)s, 1
        FROM devices_import s WHERE s.device_id IS NULL AND {_PART}
        RETURNING id, mrid
    )
    UPDATE devices_import s SET device_id = made.id, created = true
    FROM made WHERE made.mrid = s.mrid
    """,
    f"""
    INSERT INTO devices_nameplate (device_id, {", ".join(_PLATE)}, firmware_version)
    SELECT s.device_id, {_list(_PLATE, "s.")}, ''
    FROM devices_import s WHERE s.created AND {_PART}
    """,
)
COUNTS = """
SELECT count(*) FILTER (WHERE created), count(*) FILTER (WHERE changed AND NOT created)
FROM devices_import
"""
# And the devices not in the file that hang on a usage point the file has corrected.
TOUCHED = """
SELECT device_id FROM devices_import WHERE created OR changed
UNION SELECT d.id FROM devices_enddevice d
WHERE d.usage_point_id IN (SELECT usage_point_id FROM devices_import WHERE changed)
ORDER BY 1
"""
