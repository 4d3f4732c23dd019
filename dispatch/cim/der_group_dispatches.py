"""DERGroupDispatches messages: a DMS asks a group for power over a schedule.

Everything goes through `dispatch.services.create_dispatch`, as REST does. What cannot be delivered
in full is refused, because a reply has no way to say "in part".
Source: IEC 61968-5 DERGroupDispatches profile; EPRI test cases DERGD-1A to 1E.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from derms.cim.envelope import ObjectId, Outcome
from derms.cim.exchange import carry_out
from derms.cim.parts import Identified, at_most, child_of, namespace_of, read_identified
from derms.cim.registry import Call
from derms.core.errors import RuleViolationError
from derms.core.ids import new_mrid
from dispatch import services
from dispatch.cim.curves import read_curve, scale_of
from dispatch.cim.echo import render_echoes
from dispatch.rules.request import DispatchData
from groups.rules.definition import GroupKey, Name

_MAX_MRID = 120  # leaves room for the number of a further schedule


@dataclass(frozen=True, slots=True)
class Asked:
    """One DERGroupDispatch of a message: itself and the group it is for."""

    dispatch: Identified
    group: Identified

    @property
    def about(self) -> ObjectId | None:
        """The dispatch if it was given an mRID or name, else its group."""
        return self.dispatch.about or self.group.about


def read_dispatches(call: Call) -> Iterator[Asked]:
    """Yield every DERGroupDispatch of the content with its group, identified."""
    ns = namespace_of(call.content)
    for element in call.content.iterfind(f"{ns}DERGroupDispatch"):
        group = read_identified(child_of(element, "EndDeviceGroup"), "DERGroup")
        yield Asked(read_identified(element, "DERGroupDispatch"), group)


def parse_create(asked: Asked) -> tuple[DispatchData, ...]:
    """Read one DERGroupDispatch; several DispatchSchedules become several dispatches in a row.

    Returns:
        One per schedule, by start. The first has the dispatch's mRID, or the one we assign; the
        further ones have it with `-2`, `-3` behind.

    Raises:
        InvalidInputError: group without identification (1.7), unit or direction unfit (2.29).
        RuleViolationError: a schedule that is schema-valid but unusable (6.1).
        TooLargeError: too many intervals (3.1).
    """
    asked.group.require_identification()
    mrid = at_most(asked.dispatch.mrid, _MAX_MRID, "mRID") or new_mrid()
    parameter = child_of(asked.group.element, "DERMonitorableParameter")
    kind, factor = scale_of(parameter)
    schedules = parameter.iterfind(f"{namespace_of(parameter)}DispatchSchedule")
    curves = [read_curve(schedule, factor) for schedule in schedules]
    curves.sort(key=lambda curve: curve.start_at)
    for earlier, later in pairwise(curves):
        if later.start_at < earlier.end_at:
            raise RuleViolationError(
                "The schedules of one dispatch overlap", code="schedules_overlap"
            )
    key = GroupKey(
        mrid=asked.group.mrid,
        names=tuple(Name(n.name, n.name_type, n.authority) for n in asked.group.names),
    )
    return tuple(
        DispatchData(
            group=key,
            parameter=kind.value,
            interval_s=curve.interval_s,
            values=curve.values,
            curve_style=curve.style.value,
            start_at=curve.start_at,
            allow_partial=False,
            name=asked.dispatch.names[0].name if asked.dispatch.names else "",
            mrid=f"{mrid}-{number}" if number > 1 else mrid,
        )
        for number, curve in enumerate(curves, start=1)
    )


def handle_create(call: Call) -> Outcome:
    """Accept the dispatches; those without an mRID come back with the one assigned.

    When some were refused, all that were accepted come back, so that the client sees which.
    Source: EPRI test cases DERGD-1A to 1E.
    """

    def create(asked: Asked) -> tuple[Asked, str]:
        wanted = parse_create(asked)
        for data in wanted:
            services.create_dispatch(data=data, actor=call.actor)
        return asked, wanted[0].mrid

    done, errors = carry_out(read_dispatches(call), create)
    shown = [
        (asked.dispatch.element, mrid) for asked, mrid in done if errors or not asked.dispatch.mrid
    ]
    return Outcome(errors, render_echoes("DERGroupDispatches", shown), len(done))
