"""Devices and their latest values as numpy columns, for everything that works on many at once.

Source: ours; binary COPY OUT, docs/adr/0020.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derms.core import bulk
from derms.core.errors import BusyError
from derms.core.quantities import Quality, Quantity
from derms.devices.choices import DeviceKind, LifecycleState
from derms.devices.rules.limits import Capability

Array = NDArray[Any]
_SEPARATOR = "\x1f"  # may stand in no name or mRID (see rules.device_data)

_TRIES = 5

LIFECYCLE_CODES = {state: code for code, state in enumerate(LifecycleState)}
REGISTERED = LIFECYCLE_CODES[LifecycleState.REGISTERED]


def _codes(column: str, values: list[str]) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"(coalesce(array_position(ARRAY[{listed}], {column}::text), 0) - 1)::int2"


# name -> (numpy type, SQL); d, n, s, t, u = device, nameplate, settings, status, usage point.
FIELDS: dict[str, tuple[str, str]] = {
    "id": ("int32", "d.id"),
    "kind": ("int16", _codes("d.kind", DeviceKind.values)),
    "lifecycle": ("int16", _codes("d.lifecycle_state", LifecycleState.values)),
    "eligible": ("bool", "d.eligible"),
    "poll_interval_s": ("int32", "d.poll_interval_s"),
    "rated_w": ("float64", "coalesce(n.rated_w, 0)"),
    "rated_charge_w": ("float64", "coalesce(n.rated_charge_w, 0)"),
    "rated_va": ("float64", "coalesce(n.rated_va, 0)"),
    "rated_var_injected": ("float64", "coalesce(n.rated_var_injected, 0)"),
    "rated_var_absorbed": ("float64", "coalesce(n.rated_var_absorbed, 0)"),
    "rated_wh": ("float64", "coalesce(n.rated_wh, 'NaN')"),
    "max_w": ("float64", "coalesce(least(s.max_w, n.rated_w), 0)"),
    "max_charge_w": ("float64", "coalesce(least(s.max_charge_w, n.rated_charge_w), 0)"),
    "max_va": ("float64", "coalesce(least(s.max_va, n.rated_va), 0)"),
    "max_var_injected": (
        "float64",
        "coalesce(least(s.max_var_injected, n.rated_var_injected), 0)",
    ),
    "max_var_absorbed": (
        "float64",
        "coalesce(least(s.max_var_absorbed, n.rated_var_absorbed), 0)",
    ),
    "ramp_w_per_s": ("float64", "coalesce(least(s.ramp_w_per_s, n.ramp_w_per_s), 'NaN')"),
    "min_soc_pct": ("float64", "coalesce(s.min_soc_pct, 5)"),
    "max_soc_pct": ("float64", "coalesce(s.max_soc_pct, 100)"),
    "export_limit_w": ("float64", "coalesce(u.export_limit_w, 'Infinity')"),
    "import_limit_w": ("float64", "coalesce(u.import_limit_w, 'Infinity')"),
    "connection": ("int16", "coalesce(t.connection, 0)::int2"),
    "operating": ("int16", "coalesce(t.operating, 0)::int2"),
    "local_control": ("bool", "coalesce(t.local_control, false)"),
    "contact_at": ("datetime64[us]", "coalesce(t.last_contact_at, 'epoch')"),
    "owner_id": ("int32", "d.owner_id::int4"),
    "feeder_id": ("int32", "coalesce(u.feeder_id, 0)::int4"),
}
_FROM = """
FROM devices_enddevice d
LEFT JOIN devices_nameplate n ON n.device_id = d.id
LEFT JOIN devices_devicesettings s ON s.device_id = d.id
LEFT JOIN devices_devicestatus t ON t.device_id = d.id
LEFT JOIN grid_usagepoint u ON u.id = d.usage_point_id
"""


@dataclass(frozen=True, slots=True)
class DeviceColumns:
    """What does not change from second to second, one row per device, all arrays [n].

    `max_*` are the settings, never above the ratings; NaN = not known (`rated_wh`,
    `ramp_w_per_s`); inf = no agreed limit. Codes: `kind` is `rules.limits.KindCode`,
    `lifecycle` is the position in `LifecycleState`, `connection` and `operating` are the
    numbers of `choices`; `owner_id` and `feeder_id` are keys for grouping, 0 = none.
    """

    id: NDArray[np.int32]
    kind: NDArray[np.int16]
    lifecycle: NDArray[np.int16]
    eligible: NDArray[np.bool_]
    poll_interval_s: NDArray[np.int32]
    rated_w: NDArray[np.float64]
    rated_charge_w: NDArray[np.float64]
    rated_va: NDArray[np.float64]
    rated_var_injected: NDArray[np.float64]
    rated_var_absorbed: NDArray[np.float64]
    rated_wh: NDArray[np.float64]
    max_w: NDArray[np.float64]
    max_charge_w: NDArray[np.float64]
    max_va: NDArray[np.float64]
    max_var_injected: NDArray[np.float64]
    max_var_absorbed: NDArray[np.float64]
    ramp_w_per_s: NDArray[np.float64]
    min_soc_pct: NDArray[np.float64]
    max_soc_pct: NDArray[np.float64]
    export_limit_w: NDArray[np.float64]
    import_limit_w: NDArray[np.float64]
    connection: NDArray[np.int16]
    operating: NDArray[np.int16]
    local_control: NDArray[np.bool_]
    contact_at: NDArray[np.datetime64]
    owner_id: NDArray[np.int32]
    feeder_id: NDArray[np.int32]
    mrid: list[str]
    name: list[str]

    def __len__(self) -> int:
        return len(self.id)

    def capability(self) -> Capability:
        """Return the part the rules of limits take."""
        return Capability(
            **{field: getattr(self, field) for field in Capability.__dataclass_fields__}
        )


def device_columns(ids: Array | None = None, *, named: bool = True) -> DeviceColumns:
    """Return the columns of devices; of all, by ascending key, when `ids` is None.

    Args:
        ids: Primary keys [n]; unknown ones are left out, the others keep their order.
        named: Fetch mRIDs and names too; without, those lists are empty and it is faster.
    """
    where = "" if ids is None else f"WHERE d.id = ANY({bulk.int_list(ids)}::int4[])"
    source = f"{_FROM} {where}"
    if named:
        arrays, mrids, names = read_columns(FIELDS, source, "d.id")
    else:
        arrays, mrids, names = _read_arrays(FIELDS, source, "d.id"), [], []
    if ids is not None and (np.diff(ids) < 0).any():
        # Put in order here: a join with the list in its order costs the server twice as much.
        at = np.searchsorted(arrays["id"], ids[np.isin(ids, arrays["id"])])
        arrays = {name: values[at] for name, values in arrays.items()}
        mrids, names = ([texts[k] for k in at] if texts else [] for texts in (mrids, names))
    return DeviceColumns(**arrays, mrid=mrids, name=names)


def _read_arrays(
    fields: Mapping[str, tuple[str, str]], source: str, order: str
) -> dict[str, Array]:
    select = ", ".join(sql for _, sql in fields.values())
    return bulk.copy_out(
        f"SELECT {select} {source} ORDER BY {order}",
        {name: dtype for name, (dtype, _) in fields.items()},
    )


def read_columns(
    fields: Mapping[str, tuple[str, str]], source: str, order: str
) -> tuple[dict[str, Array], list[str], list[str]]:
    """Return columns of devices with their mRIDs and names, all in the same order.

    Args:
        fields: Column name to numpy type and SQL expression.
        source: FROM clause with the devices as `d`; never from outside input.
        order: What to sort by.

    Raises:
        BusyError: devices are registered faster than they can be read.
    """
    texts = ", ".join(
        f"coalesce(string_agg(d.{column}, '{_SEPARATOR}' ORDER BY {order}), '')"
        for column in ("mrid", "name")
    )
    for _ in range(_TRIES):
        arrays = _read_arrays(fields, source, order)
        mrids, names = (
            text.split(_SEPARATOR) if text else []
            for text in bulk.execute(f"SELECT {texts} {source}").fetchall()[0]
        )
        # Devices are never deleted, so a device that came in between changes the count.
        if len(mrids) == len(arrays["id"]):
            return arrays, mrids, names
    raise BusyError("The register of devices changes faster than it can be read.")


@dataclass(frozen=True, slots=True)
class LatestColumns:
    """Latest values, all arrays [n]; NaN and epoch where there is none.

    Attributes:
        p_w: Active power [W], positive = injection.
        q_var: Reactive power [var].
        voltage_v: Voltage [V].
        soc_pct: State of charge [%].
        available_w: Active power available [W].
        measured_at: When the active power was measured, UTC; epoch = never.
        quality: `Quality` of the active power; LOST where there is none.
    """

    p_w: NDArray[np.float64]
    q_var: NDArray[np.float64]
    voltage_v: NDArray[np.float64]
    soc_pct: NDArray[np.float64]
    available_w: NDArray[np.float64]
    measured_at: NDArray[np.datetime64]
    quality: NDArray[np.int16]


# Above this many devices the whole table is read: cheaper than looking each of them up.
_MANY = 20_000


def latest_rows(ids: Array | None = None, quantities: Sequence[Quantity] = ()) -> dict[str, Array]:
    """Return rows of latest values: device_id, quantity, measured_at, value, quality [m].

    Args:
        ids: Primary keys of devices; None = all. Rows of others may come along.
        quantities: Only these; none = all.
    """
    where = "WHERE true"
    if ids is not None and len(ids) <= _MANY:
        where += f" AND device_id = ANY({bulk.int_list(ids)}::int4[])"
    if quantities:
        where += f" AND quantity = ANY({bulk.int_list(list(quantities))}::int2[])"
    return bulk.copy_out(
        f"SELECT device_id, quantity, measured_at, value, quality "
        f"FROM devices_latestreading {where}",
        {
            "device_id": "int32",
            "quantity": "int16",
            "measured_at": "datetime64[us]",
            "value": "float64",
            "quality": "int16",
        },
    )


def latest_columns(ids: Array, quantities: Sequence[Quantity] = ()) -> LatestColumns:
    """Return the latest values of devices, from the database.

    Args:
        ids: Primary keys [n], each once; devices without readings get NaN.
        quantities: Read only these; none = all.
    """
    n = len(ids)
    rows = latest_rows(ids, quantities)
    place = np.full(int(max(ids.max(initial=0), rows["device_id"].max(initial=0))) + 1, -1)
    place[ids] = np.arange(n)
    position = place[rows["device_id"]]
    if (position < 0).any():
        rows = {name: column[position >= 0] for name, column in rows.items()}
        position = position[position >= 0]

    def column(quantity: Quantity) -> NDArray[np.float64]:
        chosen = rows["quantity"] == quantity
        values = np.full(n, np.nan)
        values[position[chosen]] = rows["value"][chosen]
        return values

    power = rows["quantity"] == Quantity.ACTIVE_POWER_W
    measured_at = np.zeros(n, dtype="M8[us]")
    measured_at[position[power]] = rows["measured_at"][power]
    quality = np.full(n, Quality.LOST, dtype="int16")
    quality[position[power]] = rows["quality"][power]
    return LatestColumns(
        p_w=column(Quantity.ACTIVE_POWER_W),
        q_var=column(Quantity.REACTIVE_POWER_VAR),
        voltage_v=column(Quantity.VOLTAGE_V),
        soc_pct=column(Quantity.SOC_PCT),
        available_w=column(Quantity.AVAILABLE_POWER_W),
        measured_at=measured_at,
        quality=quality,
    )
