"""Forecasts that other parties told of their groups, over the schedules asked for."""

import datetime as dt
from collections.abc import Iterable, Sequence

import numpy as np

from derms.core import clock
from forecasting.choices import CurveStyle, Method
from forecasting.models import ToldCurve
from forecasting.rules.schedule import Schedule
from forecasting.rules.told import Floats, first_known, resample
from forecasting.selectors.shapes import Curve, GroupForecast, ParameterForecast
from groups.selectors import Group

Values = list[float | None]


def told_forecasts(
    groups: Sequence[Group],
    parameters: Sequence[str],
    schedules: Sequence[Schedule],
    *,
    but_by: str = "",
) -> dict[int, GroupForecast]:
    """Return {group key: what its party forecast} where it said anything of what is asked.

    Args:
        groups: Groups of any party; ours have no such forecast.
        parameters: DERParameterKind values asked for.
        schedules: Time axes; outside of what was told nothing is known.
        but_by: mRID of the API client whose own words are left out.
    """
    announced = {group.pk: group for group in groups if group.announced_by}
    if not announced:
        return {}
    rows = ToldCurve.objects.filter(
        group_id__in=list(announced),
        parameter__in=parameters,
        end_at__gt=min(schedule.start_at for schedule in schedules),
    ).order_by("start_at", "id")
    if but_by:
        rows = rows.exclude(told_by=but_by)
    found: dict[int, dict[str, list[ToldCurve]]] = {}
    for row in rows:
        found.setdefault(row.group_id, {}).setdefault(row.parameter, []).append(row)
    made = (_of_group(announced[key], curves, schedules) for key, curves in found.items())
    return {forecast.group.pk: forecast for forecast in made if forecast.parameters}


def _of_group(
    group: Group, told: dict[str, list[ToldCurve]], schedules: Sequence[Schedule]
) -> GroupForecast:
    rows = [row for curves in told.values() for row in curves]
    received_at = min(row.received_at for row in rows)
    return GroupForecast(
        group=group,
        created_at=min(row.created_at for row in rows),
        method=Method.TOLD,
        basis=f"told by {group.owner.name} {_age(received_at)} ago, not forecast by us",
        parameters=tuple(
            _parameter(name, curves, schedules)
            for name, curves in told.items()
            if _covers(curves, schedules)
        ),
        members=group.member_count,
        good=0,
        stale=0,
        stale_last_w=0.0,
    )


def _age(since: dt.datetime) -> str:
    minutes = (clock.now() - since).total_seconds() / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def _covers(rows: Sequence[ToldCurve], schedules: Sequence[Schedule]) -> bool:
    return any(
        row.start_at <= schedule.end_at and schedule.start_at < row.end_at
        for row in rows
        for schedule in schedules
    )


def _parameter(
    name: str, rows: Sequence[ToldCurve], schedules: Sequence[Schedule]
) -> ParameterForecast:
    return ParameterForecast(
        parameter=name,
        installed_max=_first(row.installed_max for row in rows),
        installed_min=_first(row.installed_min for row in rows),
        curves=tuple(_curve(rows, schedule) for schedule in schedules),
    )


def _curve(rows: Sequence[ToldCurve], wanted: Schedule) -> Curve:
    trust = [row.confidence_pct for row in rows if row.confidence_pct is not None]
    return Curve(
        schedule=wanted,
        nominal=_read(rows, "nominal", wanted),
        high=_read(rows, "high", wanted),
        low=_read(rows, "low", wanted),
        confidence_pct=min(trust, default=None),
    )


def _read(rows: Sequence[ToldCurve], name: str, wanted: Schedule) -> Values | None:
    told = first_known([resample(_axis(row), _array(getattr(row, name)), wanted) for row in rows])
    if np.isnan(told).all():
        return None
    return [None if np.isnan(value) else value for value in told.tolist()]


def _axis(row: ToldCurve) -> Schedule:
    style = CurveStyle(row.curve_style)
    intervals = len(row.nominal) - (style is CurveStyle.STRAIGHT_LINE)
    return Schedule(style, row.start_at, row.interval_s, intervals)


def _array(values: Values) -> Floats:
    return np.array([np.nan if value is None else value for value in values])


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)
