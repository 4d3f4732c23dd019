"""Work out whether a dispatch can be done, how far, and against which other dispatches.

For preview and acceptance, which both go through `assess`.
"""

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import (
    DermsError,
    InvalidInputError,
    RuleViolationError,
    TooLargeError,
)
from derms.core.quantities import power_text
from dispatch.choices import DerParameter, DispatchState, EndBehaviour, unit_of
from dispatch.models import GroupDispatch
from dispatch.rules.limits import Deliverable, deliverable, shortage
from dispatch.rules.members import MemberColumns
from dispatch.rules.parameters import SUPPORT, is_carried_out, missing_for
from dispatch.rules.precedence import Rank
from dispatch.rules.request import MAX_VALUES, DispatchData
from dispatch.rules.schedule import Schedule, of_style
from dispatch.selectors.dispatches import NOUN
from dispatch.selectors.snapshots import members_in_database
from groups.selectors import get_group, member_ids, require_commandable, shared_members

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
        ForbiddenError: no grant of the actor allows it (CIM 7.5).
        InvalidInputError: the request itself makes no sense.
        RuleViolationError: another party's group without a device of ours (CIM 6.1).
    """
    now = clock.now()
    group = get_group(key=data.group, actor=actor, noun=NOUN, verb="create")
    require_commandable(group)
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
    parameter = DerParameter(data.parameter)
    missing = missing_for(parameter, group=group.name, functions=group.functions)
    if not is_carried_out(parameter):
        found.append(_refuse(missing, "parameter_not_supported"))
        return
    if missing:
        function = str(SUPPORT[parameter].function)
        found.append(_refuse(missing, "function_missing", function=function))
    if schedule.end_at <= result.at:
        found.append(_refuse("The whole schedule lies in the past.", "window_past"))
    least, most = float(everyone.installed_low.sum()), float(everyone.installed_high.sum())
    unit = unit_of(data.parameter)
    beyond = next((v for v in schedule.values if not least <= v <= most), None)
    if result.total == 0:
        found.append(_refuse(f"Group {group.name} has no members.", "no_members"))
    elif beyond is not None:
        found.append(
            _refuse(
                f"{power_text(beyond, unit)} lies beyond what is installed "
                f"({power_text(least, unit)} to {power_text(most, unit)}).",
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
    short, unit = result.short, unit_of(data.parameter)
    if short is not None and not data.allow_partial:
        result.refusals.append(
            _refuse(
                f"Of {power_text(short.requested, unit)} at {short.at:%Y-%m-%d %H:%M:%S} UTC only "
                f"{power_text(short.value, unit)} can be delivered.",
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
    rows = list(others.defer("memory", "values").order_by("pk"))
    shared = shared_members([row.group_key for row in rows], ids)
    found = []
    for row in rows:
        same = row.group_mrid == group_mrid
        if same or row.group_key in shared:
            wins = Rank.of(row.priority, row.pk) < mine
            found.append(Overlap(row, same, wins, ids if same else shared[row.group_key]))
    return found
