"""Every device in numpy columns, kept up to date inside a process.

For the tick of groups and the closed loop of dispatch, which look at all devices every second.
Loaded from PostgreSQL by binary COPY, then fed by the live stream (`stream`), in which every
store of readings and statuses and every change of the register leaves its rows. A gap in the
stream, a lost Redis or five minutes passed lead to a full load. Positions never change and
devices are only added, so callers may keep what `index_of` gave them.
Source: ours, docs/adr/0021.
"""

import datetime as dt
import logging
import threading
import time
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, cast

import numpy as np
import redis
from numpy.typing import NDArray

from derms.core import clock
from derms.core.quantities import Quality, Quantity
from derms.devices import stream
from derms.devices.choices import ConnectionState, OperatingState
from derms.devices.rules.limits import (
    PresentState,
    active_power_bounds,
    reactive_power_bounds,
)
from derms.devices.rules.readings import STREAM_DTYPE
from derms.devices.selectors.columns import REGISTERED, DeviceColumns, device_columns, latest_rows
from derms.devices.selectors.live import is_stale

Float64 = NDArray[np.float64]
Array = NDArray[Any]

RELOAD_S = 300.0
_RETRY_S = 5.0
_NEVER = 0
# Quantities kept, in rows of the value arrays.
_KEPT = (
    Quantity.ACTIVE_POWER_W,
    Quantity.REACTIVE_POWER_VAR,
    Quantity.VOLTAGE_V,
    Quantity.SOC_PCT,
    Quantity.ENERGY_AVAILABLE_WH,
    Quantity.AVAILABLE_POWER_W,
)
_ROW_OF = np.full(max(Quantity) + 1, -1, dtype="int8")
_ROW_OF[list(_KEPT)] = np.arange(len(_KEPT))
_log = logging.getLogger(__name__)


class _Values:
    """Latest values of the kept quantities, arrays [quantities, n]."""

    def __init__(self, n: int) -> None:
        self.value: Float64 = np.full((len(_KEPT), n), np.nan)
        self.at: NDArray[np.int64] = np.full((len(_KEPT), n), _NEVER)
        self.quality: NDArray[np.int16] = np.full((len(_KEPT), n), Quality.LOST, dtype="int16")

    def grown(self, n: int) -> "_Values":
        bigger = _Values(n)
        old = self.value.shape[1]
        for name in ("value", "at", "quality"):
            getattr(bigger, name)[:, :old] = getattr(self, name)
        return bigger

    def put(self, row: Array, position: Array, at: Array, value: Array, quality: Array) -> None:
        """Write readings that are newer than what is here; each row and position once."""
        newer = at > self.at[row, position]
        if not newer.all():
            row, position = row[newer], position[newer]
            at, value, quality = at[newer], value[newer], quality[newer]
        self.at[row, position] = at
        self.value[row, position] = value
        self.quality[row, position] = quality


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of power now, all [n]: active [W], and reactive at the present active power [var]."""

    min_w: Float64
    max_w: Float64
    min_var: Float64
    max_var: Float64


class Fleet:
    """All devices; one instance per process (`get_fleet`). All arrays [n], same positions.

    Reading is safe while another thread refreshes: a value is whole, but two values read one
    after the other may be a tick apart.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.columns: DeviceColumns = device_columns(np.zeros(0, dtype="int32"))
        self._values = _Values(0)
        self._position = np.full(1, -1, dtype="int32")
        self._stream = stream.Position()
        self._loaded_at = -np.inf
        self._tried_at = -np.inf

    def __len__(self) -> int:
        return len(self.columns)

    # --- keeping up -------------------------------------------------------------------------
    def load(self) -> None:
        """Read everything from PostgreSQL; positions of known devices stay."""
        with self._lock:
            self._tried_at = time.monotonic()
            try:
                position = stream.tail()  # before reading, so that nothing falls between
            except redis.RedisError:
                position = stream.Position()
            self._merge(device_columns())
            values = _Values(len(self))
            rows = latest_rows()
            self._scatter(
                values,
                rows["device_id"],
                rows["quantity"],
                rows["measured_at"].view("int64"),
                rows["value"],
                rows["quality"],
            )
            self._values = values
            self._stream = position
            self._loaded_at = time.monotonic()

    def refresh(self) -> None:
        """Take in what happened since the last time; a few milliseconds.

        Loads everything when the stream has a gap, every five minutes, and, with pauses, while
        Redis is away.
        """
        with self._lock:
            if time.monotonic() - self._loaded_at > RELOAD_S:
                self.load()
                return
            try:
                entries, position, lost = stream.read_after(self._stream)
            except redis.RedisError:
                if time.monotonic() - self._tried_at > _RETRY_S:
                    _log.warning("live stream not readable, fleet loaded from the database")
                    self.load()
                return
            if lost or any(entry.gap for entry in entries):
                _log.info("gap in the live stream, fleet loaded from the database")
                self.load()
                return
            self._apply(entries)
            self._stream = position

    def _apply(self, entries: list[stream.Entry]) -> None:
        changed = [np.frombuffer(e.body, "<i4") for e in entries if e.kind == "devices"]
        if changed:
            self._merge(device_columns(np.unique(np.concatenate(changed))))
        for entry in entries:
            if entry.kind == "readings":
                rows = np.frombuffer(entry.body, STREAM_DTYPE)
                names = ("device_id", "quantity", "at", "value", "quality")
                self._scatter(self._values, *(rows[name] for name in names))
            elif entry.kind == "statuses":
                self._put_statuses(np.frombuffer(entry.body, stream.STATUS_DTYPE))

    def _merge(self, new: DeviceColumns) -> None:
        """Overwrite known devices, append unknown ones."""
        where = self.index_of(new.id)
        known = where >= 0
        old = self.columns
        arrays: dict[str, Any] = {}
        added = np.flatnonzero(~known)
        for field in fields(DeviceColumns):
            mine, theirs = getattr(old, field.name), getattr(new, field.name)
            merged: Any
            if isinstance(mine, list):
                merged = [*mine, *(theirs[i] for i in added.tolist())]
                for place, i in zip(where[known].tolist(), np.flatnonzero(known), strict=True):
                    merged[place] = theirs[i]
            else:
                merged = np.concatenate([mine, theirs[added]])
                merged[where[known]] = theirs[known]
            arrays[field.name] = merged
        columns = replace(old, **arrays)
        if len(added):
            position = np.full(int(columns.id.max()) + 1, -1, dtype="int32")
            position[columns.id] = np.arange(len(columns), dtype="int32")
            self._values = self._values.grown(len(columns))
            self._position = position
        self.columns = columns

    def _scatter(
        self, into: _Values, ids: Array, quantity: Array, at: Array, value: Array, quality: Array
    ) -> None:
        row = _ROW_OF[np.clip(quantity, 0, len(_ROW_OF) - 1)]
        position = self.index_of(ids)
        kept = (row >= 0) & (position >= 0)
        if not kept.all():
            row, position = row[kept], position[kept]
            at, value, quality = at[kept], value[kept], quality[kept]
        into.put(row, position, at, value, quality)

    def _put_statuses(self, rows: Array) -> None:
        position = self.index_of(rows["device_id"])
        columns = self.columns
        known = position >= 0
        known[known] &= rows["contact_at"][known] >= columns.contact_at[position[known]]
        for name in ("connection", "operating", "local_control", "contact_at"):
            getattr(columns, name)[position[known]] = rows[name][known]

    # --- reading ----------------------------------------------------------------------------
    def index_of(self, ids: Array) -> NDArray[np.int32]:
        """Return the positions of devices by primary key [m]; -1 where unknown here."""
        table = self._position
        inside = (ids >= 0) & (ids < len(table))
        return np.where(inside, table[np.where(inside, ids, 0)], np.int32(-1))

    def value(self, quantity: Quantity) -> Float64:
        """Return the latest values of a kept quantity; NaN = none."""
        return cast("Array", self._values.value[_KEPT.index(quantity)])

    def measured_at_us(self, quantity: Quantity) -> NDArray[np.int64]:
        """Return when they were measured, microseconds since 1970 UTC; 0 = never."""
        return cast("Array", self._values.at[_KEPT.index(quantity)])

    def quality_of(self, quantity: Quantity) -> NDArray[np.int16]:
        """Return their quality; LOST where there is none."""
        return cast("Array", self._values.quality[_KEPT.index(quantity)])

    @property
    def ids(self) -> NDArray[np.int32]:
        """Primary keys."""
        return self.columns.id

    @property
    def p_w(self) -> Float64:
        """Active power [W], positive = injection."""
        return self.value(Quantity.ACTIVE_POWER_W)

    @property
    def q_var(self) -> Float64:
        """Reactive power [var]."""
        return self.value(Quantity.REACTIVE_POWER_VAR)

    @property
    def voltage_v(self) -> Float64:
        """Voltage [V]."""
        return self.value(Quantity.VOLTAGE_V)

    @property
    def soc_pct(self) -> Float64:
        """State of charge [%]."""
        return self.value(Quantity.SOC_PCT)

    @property
    def available_w(self) -> Float64:
        """Active power available if nothing held it back [W]."""
        return self.value(Quantity.AVAILABLE_POWER_W)

    @property
    def measured_at(self) -> NDArray[np.datetime64]:
        """When the active power was measured, UTC; epoch = never."""
        return self.measured_at_us(Quantity.ACTIVE_POWER_W).view("M8[us]")

    @property
    def quality(self) -> NDArray[np.int16]:
        """Quality of the active power."""
        return self.quality_of(Quantity.ACTIVE_POWER_W)

    def stale(self, now: dt.datetime | None = None) -> NDArray[np.bool_]:
        """Say whose active power is too old to count, or was never measured."""
        moment = np.datetime64((now or clock.now()).replace(tzinfo=None), "us")
        return is_stale(self.measured_at, self.columns.poll_interval_s, moment)

    def good(self, now: dt.datetime | None = None) -> NDArray[np.bool_]:
        """Say whose active power counts: not stale, and of good quality."""
        good: NDArray[np.bool_] = (self.quality == Quality.GOOD) & ~self.stale(now)
        return good

    def able(self) -> NDArray[np.bool_]:
        """Say who can follow a set point: not disconnected, not in fault, not local."""
        columns = self.columns
        able: NDArray[np.bool_] = (
            (columns.connection != ConnectionState.DISCONNECTED)
            & (columns.operating != OperatingState.FAULT)
            & ~columns.local_control
        )
        return able

    def dispatchable(self) -> NDArray[np.bool_]:
        """Say who is registered and eligible."""
        allowed: NDArray[np.bool_] = self.columns.eligible & (self.columns.lifecycle == REGISTERED)
        return allowed

    def limits(self) -> Limits:
        """Return what each device can do now (see `rules.limits`)."""
        capability = self.columns.capability()
        able = self.able()
        state = PresentState(self.p_w, self.available_w, self.soc_pct, able)
        min_w, max_w = active_power_bounds(capability, state)
        min_var, max_var = reactive_power_bounds(capability, self.p_w, able)
        return Limits(min_w, max_w, min_var, max_var)


@cache
def get_fleet() -> Fleet:
    """Return the one fleet of this process; empty until `refresh` or `load`."""
    return Fleet()
