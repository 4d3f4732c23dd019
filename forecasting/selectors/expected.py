"""What groups are expected to do, for REST and for the forecasts we give to others.

Until models are trained: persistence, the last readings of the members inside their limits.
Source: ours; IEC 61968-5 DERGroupForecasts.
"""

import datetime as dt
from collections.abc import Sequence

import numpy as np

from derms.core import clock
from derms.core.errors import TooLargeError
from derms.core.quantities import Quality, Quantity
from derms.devices.choices import ConnectionState, OperatingState
from derms.devices.rules.limits import PresentState, reactive_power_bounds
from derms.devices.selectors import device_columns, is_stale, latest_columns
from forecasting.choices import Method
from forecasting.rules.available import available_power
from forecasting.rules.persistence import Level, confidence_pct, levels
from forecasting.rules.schedule import Schedule, check_schedule
from forecasting.selectors.shapes import Curve, GroupForecast, ParameterForecast
from forecasting.selectors.told import told_forecasts
from groups.rules.aggregate import GroupColumns, MemberColumns, aggregate
from groups.rules.parameters import observable
from groups.selectors import Group, Ids, member_ids_of_groups

MAX_POINTS = 200_000
"""Points of all curves of one answer."""
_USED = (
    Quantity.ACTIVE_POWER_W,
    Quantity.REACTIVE_POWER_VAR,
    Quantity.VOLTAGE_V,
    Quantity.SOC_PCT,
    Quantity.AVAILABLE_POWER_W,
)


def forecast_groups(
    groups: Sequence[Group],
    parameters: Sequence[str],
    schedules: Sequence[Schedule],
    *,
    but_told_by: str = "",
) -> list[GroupForecast]:
    """Return what the groups are expected to do, in the order given.

    Args:
        groups: Groups the caller may see; what a party forecast of its group is taken as told.
        parameters: DERParameterKind values asked for; what a group does not speak of is left out.
        schedules: Time axes; each parameter gets a curve for each.
        but_told_by: mRID of an API client: what it told itself is left out, and what we expect of
            our own devices takes its place.

    Raises:
        RuleViolationError: a schedule that cannot be forecast (CIM 6.1).
        TooLargeError: more than MAX_POINTS values in all (CIM 3.1).
    """
    now = clock.now()
    for schedule in schedules:
        check_schedule(schedule, now=now)
    points = sum(schedule.points for schedule in schedules)
    if points * len(parameters) * len(groups) > MAX_POINTS:
        raise TooLargeError(f"An answer has at most {MAX_POINTS} points; ask for less at once")
    present = _aggregate([group.pk for group in groups], now)
    told = told_forecasts(groups, parameters, schedules, but_by=but_told_by)
    return [
        told.get(group.pk) or _persisting(group, present, row, parameters, schedules, now)
        for row, group in enumerate(groups)
    ]


def _persisting(
    group: Group,
    present: GroupColumns,
    row: int,
    parameters: Sequence[str],
    schedules: Sequence[Schedule],
    now: dt.datetime,
) -> GroupForecast:
    wanted = set(parameters) & set(observable(group.functions))
    if group.announced_by and not group.member_count:
        wanted = set()  # a party's group without a device of ours: nothing that could persist
    trust = confidence_pct(present, row)
    good, stale, members = (
        int(column[row]) for column in (present.good, present.stale, present.members)
    )
    return GroupForecast(
        group=group,
        created_at=now,
        method=Method.PERSISTENCE,
        basis=f"persistence: {good} of {members} members good, {stale} stale",
        parameters=tuple(
            ParameterForecast(
                level.parameter,
                level.installed_max,
                level.installed_min,
                tuple(_flat(level, schedule, trust) for schedule in schedules),
            )
            for level in levels(present, row)
            if level.parameter in wanted and level.is_known
        ),
        members=members,
        good=good,
        stale=stale,
        stale_last_w=float(present.stale_last_w[row]),
    )


def _flat(level: Level, schedule: Schedule, trust: float) -> Curve:
    nominal, high, low = (
        None if value is None else [value] * schedule.points
        for value in (level.nominal, level.high, level.low)
    )
    return Curve(schedule, nominal, high, low, trust)


def _aggregate(group_pks: Sequence[int], now: dt.datetime) -> GroupColumns:
    """Return what the groups do now and can do, summed over their good members."""
    members = member_ids_of_groups(group_pks)
    rows = [members[pk] for pk in group_pks]
    memberships: Ids = np.concatenate([*rows, np.zeros(0, dtype=np.int32)])
    ids = np.unique(memberships)
    positions = np.searchsorted(ids, memberships)
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return aggregate(_members(ids, now), positions, offsets)


def _members(ids: Ids, now: dt.datetime) -> MemberColumns:
    """Return devices as the aggregation takes them; ids ascending, arrays [n].

    The active power is cut to the ratings: what lies outside them will not go on.
    """
    columns = device_columns(ids, named=False)
    latest = latest_columns(columns.id, _USED)
    able = (
        (columns.connection != ConnectionState.DISCONNECTED)
        & (columns.operating != OperatingState.FAULT)
        & ~columns.local_control
    )
    capability = columns.capability()
    power = available_power(
        capability, PresentState(latest.p_w, latest.available_w, latest.soc_pct, able)
    )
    low_var, high_var = reactive_power_bounds(capability, latest.p_w, able)
    moment = np.datetime64(now.replace(tzinfo=None), "us")
    stale = is_stale(latest.measured_at, columns.poll_interval_s, moment)
    return MemberColumns(
        active_power_w=np.clip(latest.p_w, -columns.rated_charge_w, columns.rated_w),
        reactive_power_var=latest.q_var,
        voltage_v=latest.voltage_v,
        soc_pct=latest.soc_pct,
        capacity_wh=np.nan_to_num(columns.rated_wh),
        min_w=power.low_w,
        max_w=power.high_w,
        min_var=low_var,
        max_var=high_var,
        rated_w=columns.rated_w,
        rated_charge_w=columns.rated_charge_w,
        rated_var_injected=columns.rated_var_injected,
        rated_var_absorbed=columns.rated_var_absorbed,
        good=(latest.quality == Quality.GOOD) & ~stale,
        connection=columns.connection.astype(np.int64),
        operating=columns.operating.astype(np.int64),
    )
