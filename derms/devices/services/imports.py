"""Imports that run in the background: asked for, run by a worker, followed by their mRID."""

import datetime as dt
import logging
from dataclasses import asdict
from typing import Any

import msgspec
import redis
from django.db import transaction

from derms.core import clock, valkey
from derms.core.actors import Actor
from derms.core.errors import DermsError, InvalidInputError, TooLargeError
from derms.devices.choices import ImportState
from derms.devices.events import ImportRequested
from derms.devices.models import DeviceImport
from derms.devices.rules.device_csv import MAX_BYTES
from derms.devices.selectors.imports import progress_key
from derms.devices.services.importer import MAX_ERRORS, ImportReport, import_csv
from derms.events.services import publish

_PROGRESS_TTL_S = 3600
_KEEP = dt.timedelta(days=30)
_log = logging.getLogger(__name__)


@transaction.atomic
def start_import(content: bytes, *, dry_run: bool, skip_bad: bool, actor: Actor) -> DeviceImport:
    """Keep a file and have a worker import it.

    Args:
        content: The CSV; checked when it is run.
        dry_run: Report only.
        skip_bad: Leave bad rows out instead of refusing the file.
        actor: Who asks.

    Raises:
        InvalidInputError: nothing sent.
        TooLargeError: more bytes than allowed.
    """
    if not content:
        raise InvalidInputError("The file is empty.", code="empty")
    if len(content) > MAX_BYTES:
        raise TooLargeError(f"The file is larger than {MAX_BYTES // 2**20} MiB.")
    wanted = DeviceImport.objects.create(
        dry_run=dry_run,
        skip_bad=skip_bad,
        content=content,
        created_at=clock.now(),
        created_by=actor.name,
        actor=msgspec.to_builtins(actor),
    )
    publish(ImportRequested(mrid=wanted.mrid))
    return wanted


def run_import(mrid: str) -> None:
    """Run an import that waits, or that was begun by a worker that died.

    Quietly does nothing when it is done, gone, or being run by another worker.
    """
    waiting = DeviceImport.objects.filter(mrid=mrid)
    waiting.filter(state=ImportState.QUEUED).update(state=ImportState.RUNNING)
    with transaction.atomic():
        # The lock ends with the worker, whatever happens to it; the next one starts afresh.
        row = waiting.filter(state=ImportState.RUNNING).select_for_update(skip_locked=True).first()
        if row is None:
            return
        try:
            report = import_csv(
                bytes(row.content),
                dry_run=row.dry_run,
                skip_bad=row.skip_bad,
                progress=lambda done, rows: _tell_progress(mrid, done, rows),
                actor=msgspec.convert(row.actor, Actor),
            )
        except DermsError as error:
            _finish(row, ImportState.REFUSED, errors=[_file_error(error)])
        else:
            _finish_with(row, report)


def fail_import(mrid: str, reason: str) -> None:
    """Mark an import that broke off for a reason of ours, not of the file's."""
    row = DeviceImport.objects.filter(mrid=mrid, finished_at__isnull=True).first()
    if row is not None:
        error = {"row": 0, "column": "", "code": "internal_error", "message": reason}
        _finish(row, ImportState.FAILED, errors=[error])


def forget_imports() -> int:
    """Drop imports finished long ago; their audit records stay."""
    return DeviceImport.objects.filter(finished_at__lt=clock.now() - _KEEP).delete()[0]


def _finish_with(row: DeviceImport, report: ImportReport) -> None:
    row.rows = row.done = report.rows
    row.created, row.updated, row.bad = report.created, report.updated, report.bad
    if len(report.errors) == MAX_ERRORS:
        row.warnings = [f"Only the first {MAX_ERRORS} errors are listed."]
    state = ImportState.DONE if report.applied else ImportState.REFUSED
    _finish(row, state, errors=[asdict(error) for error in report.errors])


def _finish(row: DeviceImport, state: ImportState, *, errors: list[dict[str, Any]]) -> None:
    row.state = state
    row.errors = errors
    row.content = b""  # the audit record keeps its hash
    row.finished_at = clock.now()
    row.save()


def _file_error(error: DermsError) -> dict[str, Any]:
    line = error.params.get("line", 0)
    return {"row": line, "column": "", "code": error.code, "message": error.message}


def _tell_progress(mrid: str, done: int, rows: int) -> None:
    """Say how far an import is, outside its transaction, which nobody sees into."""
    try:
        valkey.client().set(progress_key(mrid), f"{done}/{rows}", ex=_PROGRESS_TTL_S)
    except redis.RedisError:
        _log.debug("progress of import %s not told", mrid)
