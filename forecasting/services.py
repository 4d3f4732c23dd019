"""Writes of the forecasting room: what other parties tell of the future of their groups.

Source: IEC 61968-5 created(DERGroupForecasts); docs/adr/0012.
"""

import datetime as dt
from collections.abc import Sequence

import numpy as np
from django.db import transaction

from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import RuleViolationError
from forecasting.models import ToldCurve
from forecasting.rules.schedule import check_schedule
from forecasting.rules.told import Floats, PartyCurve
from groups.rules.definition import GroupKey
from groups.selectors import Group
from groups.services import own_group

MAX_CURVES = 100
"""Curves of one group and quantity that are kept: the newest."""


def store_told_forecast(
    *,
    key: GroupKey,
    mrid: str,
    created_at: dt.datetime,
    curves: Sequence[PartyCurve],
    actor: Actor,
) -> Group:
    """Keep a forecast that a party tells of its group; older ones of the same quantities go.

    One that was predicted before the one we have changes nothing. Not audited, like told statuses.

    Args:
        key: The party's group.
        mrid: Of the forecast; may be empty.
        created_at: When it was predicted.
        curves: At least one.
        actor: An API client of the party.

    Raises:
        NotFoundError: nobody has told us of such a group (CIM 99.1).
        ForbiddenError: it is not the party's, or the client has no grant (CIM 7.5).
        RuleViolationError: a schedule that says nothing, or too many of them (CIM 6.1).
    """
    now = clock.now()
    created_at = min(created_at, now)  # a clock that runs ahead must not keep out what comes later
    if len(curves) > MAX_CURVES:
        raise RuleViolationError(f"A forecast has at most {MAX_CURVES} curves", code="too_many")
    for curve in curves:
        check_schedule(curve.schedule, now=now)
    with transaction.atomic():
        group = own_group(key, actor, noun="DERGroupForecasts", verb="created")
        for parameter in {curve.parameter for curve in curves}:
            known = ToldCurve.objects.filter(group_id=group.pk, parameter=parameter)
            if known.filter(created_at__gt=created_at).exists():
                continue
            known.delete()
            ToldCurve.objects.bulk_create(
                _row(group, mrid, created_at, now, curve, actor)
                for curve in curves
                if curve.parameter == parameter
            )
    return group


def _row(
    group: Group,
    mrid: str,
    created_at: dt.datetime,
    now: dt.datetime,
    curve: PartyCurve,
    actor: Actor,
) -> ToldCurve:
    return ToldCurve(
        group_id=group.pk,
        mrid=mrid,
        parameter=curve.parameter,
        created_at=created_at,
        told_by=actor.mrid,
        received_at=now,
        installed_max=curve.installed_max,
        installed_min=curve.installed_min,
        confidence_pct=curve.confidence_pct,
        curve_style=curve.schedule.style.value,
        start_at=curve.schedule.start_at,
        end_at=curve.schedule.end_at,
        interval_s=curve.schedule.interval_s,
        nominal=_stored(curve.nominal),
        high=_stored(curve.high),
        low=_stored(curve.low),
    )


def _stored(values: Floats) -> list[float | None]:
    return [None if unknown else value for value, unknown in zip(
        values.tolist(), np.isnan(values).tolist(), strict=True)]  # fmt: skip
