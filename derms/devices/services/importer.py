"""Import devices from CSV: all or nothing, or without the bad rows, or only looking.

Rows are checked as columns in Python, then copied to a temporary table and brought into the
register by a handful of set statements, so 100,000 rows take seconds. Rows with an mRID that
exists change that device, unless they say what it is already.
Source: ours, docs/adr/0023.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import IntegrityError, connection, transaction

from derms.accounts.scopes import visible_organisations
from derms.accounts.selectors import list_organisations
from derms.audit.services import record
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import RuleViolationError
from derms.core.ids import new_mrid
from derms.devices.rules.device_csv import DeviceFile, read_devices
from derms.devices.rules.device_rows import Columns, RowError
from derms.devices.rules.lifecycle import may_become
from derms.devices.services import import_sql as sql
from derms.devices.services.announce import announce_devices
from derms.grid.selectors import feeders_of_transformers
from derms.grid.services import UsagePointData, ensure_usage_points

MAX_ERRORS = 10_000
_CHUNK = 10_000


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do.

    Attributes:
        rows: Rows in the file.
        created: Devices registered.
        updated: Devices changed.
        unchanged: Devices that were already as the file says.
        bad: Rows with errors.
        errors: At most `MAX_ERRORS` of the errors, by row.
        applied: True when the register was changed, or would be but for `dry_run`.
        dry_run: True when nothing was to be changed.
        sha256: Of the file.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    bad: int = 0
    errors: list[RowError] = field(default_factory=list)
    applied: bool = False
    dry_run: bool = False
    sha256: str = ""


Progress = Callable[[int, int], None]


def import_csv(
    content: bytes,
    *,
    dry_run: bool = False,
    skip_bad: bool = False,
    progress: Progress = lambda _done, _rows: None,
    actor: Actor,
) -> ImportReport:
    """Bring the devices of a CSV into the register.

    Args:
        content: The file; see `rules.device_csv`.
        dry_run: Do everything, then take it back.
        skip_bad: Import the good rows; else one bad row refuses the whole file.
        progress: Called with rows done and rows in the file.
        actor: Who imports; an aggregator only its own devices.

    Returns:
        Counts and errors; `applied` is False when bad rows refused the file.

    Raises:
        InvalidInputError: the file as a whole cannot be read.
        RuleViolationError: somebody registered the same name or address meanwhile.
    """
    file = read_devices(content)
    report = ImportReport(
        rows=file.count, dry_run=dry_run, sha256=hashlib.sha256(content).hexdigest()
    )
    progress(0, file.count)
    try:
        with transaction.atomic():
            _run(file, report, skip_bad=skip_bad, progress=progress, actor=actor)
            transaction.set_rollback(dry_run)
    except IntegrityError as error:
        raise RuleViolationError(
            "A device of the file was registered by somebody else meanwhile; import again.",
            code="duplicate",
        ) from error
    return report


def _run(
    file: DeviceFile, report: ImportReport, *, skip_bad: bool, progress: Progress, actor: Actor
) -> None:
    owners, errors = _owners(file, actor)
    errors = [*file.errors, *errors]
    _stage(file, owners, skip={error.row for error in errors})
    errors += _conflicts(actor)
    bad = {error.row for error in errors}
    report.bad = len(bad)
    report.errors = sorted(errors, key=lambda error: error.row)[:MAX_ERRORS]
    if bad and not skip_bad:
        return
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM devices_import WHERE row = ANY(%s)", [sorted(bad)])
    _ensure_places(file, bad)
    _write(report, progress)
    report.applied = True
    if not report.dry_run:
        _tell(report, actor)


def _owners(file: DeviceFile, actor: Actor) -> tuple[dict[str, int], list[RowError]]:
    """Return the key of each owner by name and mRID, and errors for the others."""
    visible = visible_organisations(actor)
    keys: dict[str, int] = {}
    for pk, name, mrid in list_organisations().values_list("pk", "name", "mrid"):
        if visible is None or mrid in visible:
            keys |= {mrid: pk}
            keys.setdefault(name, pk)
    errors = [
        RowError(row, "owner", "unknown_owner", f"There is no organisation {owner}.")
        for row, owner in zip(file.rows, file.values["owner"], strict=True)
        if owner and owner not in keys
    ]
    return keys, errors


def _stage(file: DeviceFile, owners: dict[str, int], skip: set[int]) -> None:
    values: Columns = {
        **{name: file.values[name] for name in sql.COPIED},
        "mrid": [mrid or new_mrid() for mrid in file.values["mrid"]],
    }
    owner_ids = [owners.get(owner) for owner in file.values["owner"]]
    names = ("row", "owner_id", *sql.COPIED)
    with connection.cursor() as cursor:
        for statement in sql.STAGE:
            cursor.execute(statement)
        with cursor.copy(f"COPY devices_import ({', '.join(names)}) FROM STDIN") as copy:
            for row in zip(file.rows, owner_ids, *(values[n] for n in sql.COPIED), strict=True):
                if row[0] not in skip:
                    copy.write_row(row)
        cursor.execute("CREATE UNIQUE INDEX ON devices_import (mrid)")
        cursor.execute("ANALYZE devices_import")


def _conflicts(actor: Actor) -> list[RowError]:
    """Compare the staged rows with the register and lock the devices they change."""
    errors = []
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK)
        for column, query in sql.TAKEN.items():
            cursor.execute(query)
            errors += [
                RowError(row, column, "duplicate", f"Device {other} has this {column} already.")
                for row, other in cursor.fetchall()
            ]
        cursor.execute(sql.LIFECYCLES)
        errors += [
            RowError(row, "lifecycle_state", "lifecycle_step", f"It is {now}, not to be {wanted}.")
            for row, now, wanted in cursor.fetchall()
            if not may_become(now, wanted)
        ]
        cursor.execute(sql.TRANSFORMERS)
        rows = cursor.fetchall()
        known = feeders_of_transformers({transformer for _, transformer, _ in rows})
        errors += [
            RowError(
                row, "transformer", "conflict", f"{transformer} hangs on {known[transformer]}."
            )
            for row, transformer, feeder in rows
            if known.get(transformer, feeder) != feeder
        ]
        visible = visible_organisations(actor)
        if visible is not None:
            cursor.execute(sql.FOREIGN, [sorted(visible)])
            errors += [
                RowError(row, "mrid", "forbidden", "The device belongs to somebody else.")
                for (row,) in cursor.fetchall()
            ]
    return errors


def _ensure_places(file: DeviceFile, bad: set[int]) -> None:
    names = ("usage_point", "feeder", "transformer", "phase", "import_limit_w", "export_limit_w")
    columns = zip(file.rows, *(file.values[name] for name in names), strict=True)
    points = {row[1]: UsagePointData(*row[1:]) for row in columns if row[1] and row[0] not in bad}
    changed = ensure_usage_points(list(points.values()))
    with connection.cursor() as cursor:
        cursor.execute(sql.RESOLVE_PLACES)
        cursor.execute(sql.MARK_MOVED, [changed])


def _write(report: ImportReport, progress: Progress) -> None:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(sql.MARK_EXISTING)
        cursor.execute("SELECT min(row), max(row), count(*) FROM devices_import")
        first, last, count = cursor.fetchone()
        for start in range(first or 0, (last or 0) + 1, _CHUNK):
            part: dict[str, Any] = {"start": start, "end": start + _CHUNK, "now": now}
            for statement in (*sql.UPDATE, *sql.INSERT):
                cursor.execute(statement, part)
            progress(min(start + _CHUNK, last), report.rows)
        cursor.execute(sql.COUNTS)
        report.created, report.updated = cursor.fetchone()
        report.unchanged = count - report.created - report.updated


def _tell(report: ImportReport, actor: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.TOUCHED)
        announce_devices([pk for (pk,) in cursor.fetchall()])
    summary = asdict(report)
    summary.pop("errors")
    record(action="devices.import_devices", object_type="EndDevice", after=summary, actor=actor)
