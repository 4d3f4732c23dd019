"""Look at a dispatch before it is accepted: refuse, accept, or say what part can be delivered.

`preview_dispatch` and `create_dispatch` go through the same assessment, so what the composer
shows is what happens.
"""

import dataclasses
import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import IntegrityError, connection, transaction
from numpy.typing import NDArray

from derms.audit import services as audit
from derms.core import clock, correlation
from derms.core.actors import Actor
from derms.core.errors import (
    DermsError,
    InvalidInputError,
    RuleViolationError,
    TooLargeError,
)
from derms.core.ids import new_mrid
from derms.events.services import publish
from dispatch.choices import DerParameter, DispatchState, EndBehaviour
from dispatch.events import DispatchAccepted
from dispatch.models import GroupDispatch
from dispatch.rules.limits import Deliverable, deliverable, first_shares, shortage
from dispatch.rules.members import MemberColumns
from dispatch.rules.precedence import Rank
from dispatch.rules.request import MAX_VALUES, DispatchData
from dispatch.rules.schedule import Schedule, of_style
from dispatch.selectors.snapshots import members_in_database
from dispatch.services.records import announce, note
from groups.choices import DerFunction
from groups.selectors import get_group, member_ids

NEEDED = {
    DerParameter.ACTIVE_POWER: DerFunction.REAL_POWER_DISPATCH,
    DerParameter.REACTIVE_POWER: DerFunction.REACTIVE_POWER_DISPATCH,
}
"""Function a group must have for each parameter we execute. Source: IEC 61968-5, section 5."""
OBJECT_TYPE = "DERGroupDispatch"
_NEW_SERIAL = 2**62
_LATEST = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another open dispatch that wants the same group or devices at the same time."""

    row: GroupDispatch
    same_group: bool
    wins: bool
    """The other one is stronger."""
    shared: NDArray[np.int32]


@dataclass(slots=True)
class Assessment:
    """What the acceptance found."""

    at: dt.datetime
    group: Any
    schedule: Schedule
    members: MemberColumns
    total: int = 0
    refusals: list[DermsError] = field(default_factory=list)
    points: list[Deliverable] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)
    available: int = 0
    stale: int = 0

    @property
    def short(self) -> Deliverable | None:
        """The point that misses most, among those still to come."""
        return shortage(self.points)

    @property
    def deliverable(self) -> list[float]:
        """What can be delivered of each value; 0 for intervals that have passed."""
        passed = len(self.schedule.values) - len(self.points)
        return [0.0] * passed + [point.value for point in self.points]


def _refuse(message: str, code: str, **params: Any) -> RuleViolationError:
    return RuleViolationError(message, code=code, object_type="DERGroup", **params)


def schedule_of(data: DispatchData, now: dt.datetime) -> Schedule:
    """Return the schedule asked for.

    Raises:
        InvalidInputError: it is none, or priority or end behaviour is not one of ours.
        TooLargeError: more values than one dispatch may have (CIM 3.1).
    """
    if len(data.values) > MAX_VALUES:
        raise TooLargeError(f"A dispatch has at most {MAX_VALUES} values.", field="values")
    if not 1 <= data.priority <= 5:
        raise InvalidInputError("The priority is 1 to 5.", field="priority", code="bad_priority")
    if data.end_behaviour not in EndBehaviour.values:
        raise InvalidInputError(
            f"{data.end_behaviour!r} is no end behaviour.", field="end_behaviour"
        )
    try:
        schedule = of_style(
            start_at=data.start_at or now,
            interval_s=float(data.interval_s),
            values=tuple(map(float, data.values)),
            style=data.curve_style,
        )
        ends_too_late = schedule.end_at > _LATEST
    except OverflowError:
        ends_too_late = True
    except ValueError as error:
        text = str(error)
        raise InvalidInputError(
            text[:1].upper() + text[1:] + ".", field="values", code="bad_schedule", cim_code="6.1"
        ) from error
    if ends_too_late:
        raise InvalidInputError("The schedule ends too late.", code="bad_schedule")
    return schedule


def assess(data: DispatchData, *, actor: Actor) -> Assessment:
    """Work out whether and how far a dispatch can be done.

    Raises:
        NotFoundError: no such group (CIM 99.1).
        InvalidInputError: the request itself makes no sense.
    """
    now = clock.now()
    group = get_group(key=data.group, actor=actor)
    if data.parameter not in DerParameter.values:
        raise InvalidInputError(f"{data.parameter!r} is no DERParameter.", field="parameter")
    schedule = schedule_of(data, now)
    ids = member_ids(group.pk)
    overlaps = list(_overlaps(data, group.mrid, ids, schedule))
    free = ids
    for overlap in overlaps:
        if overlap.wins and not overlap.same_group:
            free = np.setdiff1d(free, overlap.shared)
    everyone = members_in_database(ids, reactive=data.reactive)
    usable = everyone.available() & np.isin(everyone.ids, free)
    result = Assessment(now, group, schedule, everyone.take(usable), total=int(ids.size))
    result.overlaps = overlaps
    result.available = int(usable.sum())
    result.stale = int((everyone.usable & everyone.silent).sum())
    _collect_refusals(result, data, everyone)
    if not result.refusals:
        _walk(result, data)
    return result


def _collect_refusals(result: Assessment, data: DispatchData, everyone: MemberColumns) -> None:
    group, schedule, found = result.group, result.schedule, result.refusals
    function = NEEDED.get(DerParameter(data.parameter))
    if function is None:
        found.append(
            _refuse(f"{data.parameter} cannot be dispatched here.", "parameter_not_supported")
        )
        return
    if function not in group.functions:
        found.append(
            _refuse(
                f"Group {group.name} does not have the function {function}.",
                "function_missing",
                function=str(function),
            )
        )
    if schedule.end_at <= result.at:
        found.append(_refuse("The whole schedule lies in the past.", "window_past"))
    least, most = float(everyone.installed_low.sum()), float(everyone.installed_high.sum())
    beyond = next((v for v in schedule.values if not least <= v <= most), None)
    if result.total == 0:
        found.append(_refuse(f"Group {group.name} has no members.", "no_members"))
    elif beyond is not None:
        found.append(
            _refuse(
                f"{beyond:g} lies beyond what is installed ({least:g} to {most:g}).",
                "beyond_installed",
                value=beyond,
                installed_min=least,
                installed_max=most,
            )
        )
    elif result.available == 0:
        found.append(
            _refuse(
                f"None of the {result.total} members is available: {result.stale} are stale.",
                "no_available_members",
            )
        )
    for overlap in result.overlaps:
        if overlap.wins and overlap.same_group:
            found.append(
                _refuse(
                    f"Dispatch {overlap.row.name or overlap.row.mrid} of the same group has "
                    f"priority {overlap.row.priority} and overlaps.",
                    "outranked",
                    superseded_by=overlap.row.mrid,
                )
            )


def _walk(result: Assessment, data: DispatchData) -> None:
    schedule = result.schedule
    k = schedule.index_at(result.at) if result.at > schedule.start_at else 0
    ahead = dataclasses.replace(
        schedule, start_at=schedule.start_at + k * schedule.step, values=schedule.values[k:]
    )
    result.points = deliverable(ahead, result.members.flexibility())
    short = result.short
    if short is not None and not data.allow_partial:
        result.refusals.append(
            _refuse(
                f"Of {short.requested:g} at {short.at:%Y-%m-%d %H:%M:%S} UTC only "
                f"{short.value:g} can be delivered.",
                "not_deliverable",
                requested=short.requested,
                deliverable=short.value,
            )
        )


def _overlaps(
    data: DispatchData, group_mrid: str, ids: NDArray[np.int32], schedule: Schedule
) -> list[Overlap]:
    mine = Rank.of(data.priority, _NEW_SERIAL)
    others = GroupDispatch.objects.filter(
        parameter=data.parameter,
        state__in=[DispatchState.SCHEDULED, DispatchState.ACTIVE],
        start_at__lt=schedule.end_at,
        end_at__gt=schedule.start_at,
    )
    found = []
    for row in others.defer("memory", "values").order_by("pk"):
        same = row.group_mrid == group_mrid
        shared = ids if same else np.intersect1d(ids, member_ids(row.group_key))
        if same or shared.size:
            found.append(Overlap(row, same, Rank.of(row.priority, row.pk) < mine, shared))
    return found


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
        InvalidInputError: the request itself makes no sense.
        RuleViolationError: refused, with the binding reason as code and message (CIM 6.1).

    Source: IEC 61968-5 create(DERGroupDispatches).
    """
    try:
        with transaction.atomic():
            group = get_group(key=data.group, actor=actor)
            _lock(group.mrid, data.parameter)
            result = assess(data, actor=actor)
            if result.refusals:
                raise result.refusals[0]
            return _accept(result, data, actor)
    except DermsError as error:
        audit.record_refused(
            action="dispatch.create",
            object_type=OBJECT_TYPE,
            object_mrid=data.mrid,
            reason=error.message,
            asked=_asked(data),
            actor=actor,
        )
        raise


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
        raise RuleViolationError(
            f"There is a dispatch with the mRID {row.mrid} already.", code="duplicate_dispatch"
        ) from error
    text = "Accepted." if short is None else (
        f"Accepted in part: of {short.requested:g} only {short.value:g} can be delivered."
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
