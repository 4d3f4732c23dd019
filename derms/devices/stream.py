"""The live stream of what changed about devices: readings, statuses, the register itself.

Written by the services on commit, read by every process's `fleet.Fleet`. A tick, not a fact: if
Redis is away, storing goes on, and the next entry tells readers to load from PostgreSQL again.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import redis
from numpy.typing import NDArray

from derms.core import valkey

KEY = "derms:readings"
KEEP_S = 60
# Statuses as they travel, little endian; readings: rules.readings.STREAM_DTYPE, devices: "<i4".
STATUS_DTYPE = np.dtype(
    [
        ("device_id", "<i4"),
        ("connection", "<i2"),
        ("operating", "<i2"),
        ("local_control", "?"),
        ("contact_at", "<M8[us]"),
    ]
)
_log = logging.getLogger(__name__)
_lock = threading.Lock()
_state = {"gap": False}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the stream.

    Attributes:
        kind: `readings`, `statuses` or `devices`.
        body: Rows as bytes: `STREAM_DTYPE`, `STATUS_DTYPE` or int32 primary keys.
        gap: True when entries before this one may have been lost.
    """

    kind: str
    body: bytes
    gap: bool


def encode_statuses(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Encode status columns, all [n], as `STATUS_DTYPE` rows."""
    names = STATUS_DTYPE.names or ()
    rows = np.empty(len(columns["device_id"]), dtype=STATUS_DTYPE)
    for name in names:
        rows[name] = columns[name]
    return rows.tobytes()


def append(kind: str, body: bytes) -> None:
    """Add an entry; never raises when Redis is away, readers then reload.

    Entries older than `KEEP_S` are trimmed, so memory follows the rate and not a count.
    """
    with _lock:
        gap = _state["gap"]
    fields: dict[bytes | str, bytes | str] = {"k": kind, "b": body}
    if gap:
        fields["g"] = "1"
    horizon = int((time.time() - KEEP_S) * 1000)
    try:
        valkey.client().xadd(KEY, fields, minid=horizon, approximate=True)  # type: ignore[arg-type] # stub is invariant
    except redis.RedisError as error:
        if not gap:
            _log.warning("live stream not written, readers will reload", exc_info=error)
        with _lock:
            _state["gap"] = True
        return
    if gap:
        with _lock:
            _state["gap"] = False


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader is: id of the last entry it had, and how many had ever been added."""

    id: bytes = b"0-0"
    added: int = 0


def tail() -> Position:
    """Return the position after the newest entry.

    Raises:
        redis.RedisError: Redis is away.
    """
    try:
        return _position(valkey.client().xinfo_stream(KEY))
    except redis.ResponseError:  # no such key: nothing was ever added
        return Position()


def _position(info: dict[str, Any]) -> Position:
    return Position(bytes(info["last-generated-id"]), int(info["entries-added"]))


def read_after(position: Position) -> tuple[list[Entry], Position, bool]:
    """Return the entries after `position`, the new position, and whether some were lost.

    Lost means trimmed before we came, or Redis forgot: the count of entries ever added then
    does not match what we got.

    Raises:
        redis.RedisError: Redis is away.
    """
    pipe = valkey.client().pipeline(transaction=True)
    pipe.xrange(KEY, min=b"(" + position.id)
    pipe.xinfo_stream(KEY)
    rows, info = pipe.execute(raise_on_error=False)
    if isinstance(info, redis.ResponseError):  # no such key
        return [], Position(), position.added > 0
    for answer in (rows, info):
        if isinstance(answer, Exception):
            raise answer
    now = _position(info)
    lost = now.added - position.added != len(rows)
    entries = [Entry(f[b"k"].decode(), f[b"b"], b"g" in f) for _, f in rows]
    return entries, now, lost
