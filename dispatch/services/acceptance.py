"""Preview and accept dispatches.

Both go through the same assessment, so what the composer shows is what happens.
"""

import dataclasses
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import IntegrityError, connection, transaction

from derms.audit import services as audit
from derms.core import correlation
from derms.core.actors import Actor
from derms.core.errors import RuleViolationError
from derms.core.ids import new_mrid
from derms.events.services import publish
from dispatch.choices import DispatchState
from dispatch.events import DispatchAccepted
from dispatch.models import GroupDispatch
from dispatch.rules.limits import first_shares
from dispatch.rules.request import DispatchData
from dispatch.selectors.dispatches import NOUN
from dispatch.services.assessment import Assessment, assess
from dispatch.services.records import announce, note, power_of
from groups.selectors import get_group

OBJECT_TYPE = "DERGroupDispatch"


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of a dispatch, and how it would be shared out."""

    verdict: str
    assessment: Assessment
    shares: list["Share"]


@dataclass(frozen=True, slots=True)
class Share:
    """What one member would do at the first set point; W or var."""

    device_id: int
    now: float
    share: float
    headroom: float
    low: float
    high: float
    note: str


def preview_dispatch(*, data: DispatchData, actor: Actor) -> Preview:
    """Say what would become of a dispatch without doing anything.

    Raises:
        NotFoundError: no such group.
        InvalidInputError: the request itself makes no sense.
    """
    result = assess(data, actor=actor)
    if result.refusals:
        return Preview("refused", result, [])
    return Preview("partial" if result.short else "accepted", result, _shares(result))


def _shares(result: Assessment, *, limit: int = 500) -> list[Share]:
    m, first = result.members, result.points[0]
    share, low, high = first_shares(first, result.schedule, m.flexibility())
    order = np.argsort(-np.abs(share), kind="stable")[:limit]
    up = first.value >= float(m.neutral.sum())
    slack = 1e-6 * m.weight
    limited = np.where(up, share >= high - slack, share <= low + slack)
    return [
        Share(
            device_id=int(m.ids[k]),
            now=float(m.now[k]),
            share=float(share[k]),
            headroom=float(high[k] - share[k] if up else share[k] - low[k]),
            low=float(low[k]),
            high=float(high[k]),
            note="at its limit" if limited[k] else "",
        )
        for k in order
    ]


def _lock(group_mrid: str, parameter: str) -> None:
    """Let acceptances of one group and parameter wait for each other until commit."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{group_mrid}/{parameter}"]
        )


def create_dispatch(*, data: DispatchData, actor: Actor) -> GroupDispatch:
    """Accept a dispatch; it starts at its time, at once when that has come.

    Args:
        data: What is asked.
        actor: Who asks.

    Returns:
        The dispatch in state scheduled; `deliverable` says what can be done of each value.

    Raises:
        NotFoundError: no such group (CIM 99.1).
        ForbiddenError: no grant of the actor allows it (CIM 7.5).
        InvalidInputError: the request itself makes no sense.
        RuleViolationError: refused, with the binding reason as code and message (CIM 6.1).

    Source: IEC 61968-5 create(DERGroupDispatches).
    """
    with transaction.atomic():
        if data.mrid and GroupDispatch.objects.filter(mrid=data.mrid).exists():
            raise _taken(data.mrid)
        group = get_group(key=data.group, actor=actor, noun=NOUN, verb="create")
        _lock(group.mrid, data.parameter)
        result = assess(data, actor=actor)
        if result.refusals:
            raise result.refusals[0]
        return _accept(result, data, actor)


def _taken(mrid: str) -> RuleViolationError:
    return RuleViolationError(
        f"There is a dispatch with the mRID {mrid} already.", code="duplicate_dispatch"
    )


def _asked(data: DispatchData) -> dict[str, Any]:
    asked = dataclasses.asdict(data)
    asked["values"] = list(data.values[:20])
    return asked


def _accept(result: Assessment, data: DispatchData, actor: Actor) -> GroupDispatch:
    schedule, short = result.schedule, result.short
    row = GroupDispatch(
        mrid=data.mrid or new_mrid(),
        name=data.name[:200],
        journal_key=uuid.uuid4(),
        group_key=result.group.pk,
        group_mrid=result.group.mrid,
        group_name=result.group.name,
        parameter=data.parameter,
        curve_style=data.curve_style,
        start_at=schedule.start_at,
        interval_s=schedule.interval_s,
        values=list(schedule.values),
        end_at=schedule.end_at,
        priority=data.priority,
        allow_partial=data.allow_partial,
        end_behaviour=data.end_behaviour,
        comment=data.comment[:500],
        state=DispatchState.SCHEDULED,
        deliverable=result.deliverable,
        members=result.total,
        requested_by=actor.name,
        requested_by_kind=actor.kind,
        source=actor.source,
        correlation_id=correlation.current(),
        created_at=result.at,
        modified_at=result.at,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise _taken(row.mrid) from error
    text = "Accepted." if short is None else (
        f"Accepted in part: of {power_of(row, short.requested)} only "
        f"{power_of(row, short.value)} can be delivered."
    )  # fmt: skip
    note(row, "accepted", text, actor=actor)
    audit.record(
        action="dispatch.create",
        object_type=OBJECT_TYPE,
        object_mrid=row.mrid,
        after={**_asked(data), "deliverable": result.deliverable[:20]},
        actor=actor,
    )
    publish(DispatchAccepted(mrid=row.mrid, group_mrid=row.group_mrid))
    announce(row)
    return row
