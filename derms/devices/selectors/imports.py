"""Reads of background imports."""

import redis

from derms.core import valkey
from derms.core.errors import NotFoundError
from derms.devices.choices import ImportState
from derms.devices.models import DeviceImport


def progress_key(mrid: str) -> str:
    """Return the Valkey key that tells how far a running import is, as `done/rows`."""
    return f"derms:import:{mrid}"


def get_import(mrid: str) -> DeviceImport:
    """Return an import, with its progress while it runs.

    Raises:
        NotFoundError: no such import.
    """
    found = DeviceImport.objects.defer("content").filter(mrid=mrid).first()
    if found is None:
        raise NotFoundError(f"There is no import {mrid}.")
    if found.state == ImportState.RUNNING:
        found.done, found.rows = _progress(mrid)
    return found


def _progress(mrid: str) -> tuple[int, int]:
    try:
        told = valkey.client().get(progress_key(mrid))
    except redis.RedisError:
        return 0, 0
    done, _, rows = bytes(told or b"0/0").decode().partition("/")  # type: ignore[arg-type] # bytes: no decode_responses
    return int(done), int(rows)
