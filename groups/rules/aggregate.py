"""Aggregation of member values to groups, vectorised over all groups at once.

Memberships are held in compressed-row form: `positions` lists fleet positions group after group,
`offsets[g] : offsets[g + 1]` is the slice of group g. A stale member is never counted as good:
it adds nothing to power, energy or availability, and what it last contributed is told apart.
Source: IEC 61968-5 DERGroupStatuses (nominal, presently available, installed); sums are ours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MemberColumns:
    """State of every device of the fleet; float arrays [n_devices] in SI, NaN = not known."""

    active_power_w: Floats
    reactive_power_var: Floats
    voltage_v: Floats
    soc_pct: Floats
    capacity_wh: Floats
    min_w: Floats
    max_w: Floats
    min_var: Floats
    max_var: Floats
    rated_w: Floats
    rated_charge_w: Floats
    rated_var_injected: Floats
    rated_var_absorbed: Floats
    good: Bools
    connection: Ints
    operating: Ints


@dataclass(frozen=True, slots=True)
class GroupColumns:
    """Aggregates of every group; arrays [n_groups], named like `groups.models.GroupStatus`."""

    active_power_w: Floats
    reactive_power_var: Floats
    apparent_power_va: Floats
    available_max_w: Floats
    available_min_w: Floats
    available_max_var: Floats
    available_min_var: Floats
    installed_max_w: Floats
    installed_min_w: Floats
    installed_max_var: Floats
    installed_min_var: Floats
    energy_wh: Floats
    energy_capacity_wh: Floats
    soc_pct: Floats
    voltage_v: Floats
    members: Ints
    good: Ints
    stale: Ints
    stale_last_w: Floats
    coverage_pct: Floats
    connected: Ints
    disconnected: Ints
    running: Ints
    throttled: Ints
    fault: Ints


def _sums(values: Floats | Bools, offsets: Ints) -> Floats:
    """Sum each row of a compressed-row array; empty rows give 0.

    `reduceat` adds pairwise within a row, so a row's sum does not lose digits to its neighbours
    as differences of one running sum would.
    """
    result = np.zeros(len(offsets) - 1)
    filled = np.flatnonzero(np.diff(offsets))
    if filled.size:
        result[filled] = np.add.reduceat(values.astype(np.float64, copy=False), offsets[filled])
    return result


def _ratio(numerator: Floats, denominator: Floats, *, empty: float) -> Floats:
    out = np.full(numerator.shape, empty)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out


def aggregate(columns: MemberColumns, positions: Ints, offsets: Ints) -> GroupColumns:
    """Aggregate the fleet to groups.

    Args:
        columns: Fleet state, arrays [n_devices].
        positions: Fleet position of each membership, [n_memberships], group after group.
        offsets: Slice bounds per group, [n_groups + 1], ascending, last = n_memberships.

    Returns:
        Arrays [n_groups]. `apparent_power_va` is |P + jQ| of the sums. Groups without a good
        member have zero power and 0 % coverage; soc and voltage are NaN where nobody knows.

    Source: ours.
    """
    good = columns.good[positions]

    def total(column: Floats) -> Floats:
        values = column[positions]
        return _sums(np.where(good & ~np.isnan(values), values, 0.0), offsets)

    def rated(column: Floats) -> Floats:
        return _sums(np.nan_to_num(column[positions]), offsets)

    def count(mask: Bools) -> Ints:
        return _sums(mask, offsets).astype(np.int64)

    active = total(columns.active_power_w)
    reactive = total(columns.reactive_power_var)
    members = np.diff(offsets)
    good_count = count(good)
    storing = good & (columns.capacity_wh[positions] > 0) & ~np.isnan(columns.soc_pct[positions])
    capacities = np.where(storing, columns.capacity_wh[positions], 0.0)
    capacity = _sums(capacities, offsets)
    energy = _sums(capacities * np.nan_to_num(columns.soc_pct[positions]) / 100, offsets)
    volts = columns.voltage_v[positions]
    metered = good & ~np.isnan(volts)
    connection, operating = columns.connection[positions], columns.operating[positions]
    rated_max = rated(columns.rated_w)
    return GroupColumns(
        active_power_w=active,
        reactive_power_var=reactive,
        apparent_power_va=np.hypot(active, reactive),
        available_max_w=total(columns.max_w),
        available_min_w=total(columns.min_w),
        available_max_var=total(columns.max_var),
        available_min_var=total(columns.min_var),
        installed_max_w=rated_max,
        installed_min_w=-rated(columns.rated_charge_w),
        installed_max_var=rated(columns.rated_var_injected),
        installed_min_var=-rated(columns.rated_var_absorbed),
        energy_wh=energy,
        energy_capacity_wh=capacity,
        soc_pct=100 * _ratio(energy, capacity, empty=np.nan),
        voltage_v=_ratio(
            _sums(np.where(metered, volts, 0.0), offsets), _sums(metered, offsets), empty=np.nan
        ),
        members=members,
        good=good_count,
        stale=members - good_count,
        stale_last_w=_sums(
            np.where(good, 0.0, np.nan_to_num(columns.active_power_w[positions])), offsets
        ),
        coverage_pct=100 * _ratio(good_count.astype(float), members.astype(float), empty=0.0),
        connected=count(good & (connection == _CONNECTED)),
        disconnected=count(good & (connection == _DISCONNECTED)),
        running=count(good & (operating == _RUNNING)),
        throttled=count(good & (operating == _THROTTLED)),
        fault=count(good & (operating == _FAULT)),
    )


# Numbers of derms.devices.choices, repeated so that this module stays free of Django.
_DISCONNECTED, _CONNECTED = 1, 2
_RUNNING, _THROTTLED, _FAULT = 4, 5, 7
