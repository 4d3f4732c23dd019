"""Export the register as the CSV that can be imported again, streamed by COPY.

Source: OWASP "CSV Injection": a cell a spreadsheet would run gets a quote in front, which the
import takes away again.
"""

from collections.abc import Iterator

from django.db import connection

from derms.devices.rules.device_rows import COLUMNS
from derms.devices.selectors import Scope

_FROM = """
FROM devices_enddevice d
JOIN accounts_organisation o ON o.id = d.owner_id
LEFT JOIN devices_nameplate n ON n.device_id = d.id
LEFT JOIN grid_usagepoint u ON u.id = d.usage_point_id
LEFT JOIN grid_feeder f ON f.id = u.feeder_id
LEFT JOIN grid_transformer t ON t.id = u.transformer_id
"""
_SPECIAL = {
    "owner": "o.name",
    "feeder": "f.name",
    "transformer": "t.name",
    "usage_point": "u.name",
    "phase": "u.phase",
    "import_limit_w": "u.import_limit_w",
    "export_limit_w": "u.export_limit_w",
    "eligible": "CASE WHEN d.eligible THEN 'true' ELSE 'false' END",
}
_DEVICE = {"mrid", "name", "kind", "protocol", "address", "poll_interval_s", "lifecycle_state"}
_FREE_TEXT = {
    "mrid", "name", "owner", "feeder", "transformer", "usage_point", "protocol", "address",
    "manufacturer", "model", "serial_number",
}  # fmt: skip


def _cell(name: str) -> str:
    source = _SPECIAL.get(name) or f"{'d' if name in _DEVICE else 'n'}.{name}"
    if name in _FREE_TEXT:
        source = f"CASE WHEN {source} ~ '^''*[=+@\\t\\r-]' THEN '''' || {source} ELSE {source} END"
    return f"{source} AS {name}"


def export_csv(*, visible: Scope = None) -> Iterator[bytes]:
    """Yield the devices of the organisations `visible` as CSV, header first.

    Read in one statement, so the file shows one moment.
    """
    where = "" if visible is None else "WHERE o.mrid = ANY(%s)"
    select = ", ".join(_cell(name) for name in COLUMNS)
    query = f"COPY (SELECT {select} {_FROM} {where} ORDER BY d.id) TO STDOUT (FORMAT csv, HEADER)"
    with connection.cursor() as cursor:
        copied = cursor.copy(query) if visible is None else cursor.copy(query, [sorted(visible)])
        with copied as copy:
            for chunk in copy:
                yield bytes(chunk)
