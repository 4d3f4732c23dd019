"""What other parties tell us of their groups: Receive* services of DERGroups and their statuses.

The profiles are those of the messages that ask (`der_groups`, `operation_sets`); the services are
those of announcements, which touch nothing but the party's own groups.
Source: IEC 61968-5 events created, changed, deleted, executed; EPRI test cases DERG-6 to DERG-9.
"""

from dataclasses import replace

from lxml import etree

from derms.cim import operations
from derms.cim.envelope import Outcome
from derms.cim.exchange import carry_out
from derms.cim.parts import Identified, namespace_of, read_float, read_instant, text_of
from derms.cim.quantities import factor_of
from derms.cim.registry import Call, Handler
from derms.core.errors import InvalidInputError
from groups import services
from groups.cim.der_groups import parse_change, parse_create, parse_members, render_groups
from groups.cim.operation_sets import Step, check_profile, read_steps, run_steps
from groups.cim.queries import key_of, read_groups
from groups.rules.definition import GroupChange
from groups.rules.told import ToldGroup, ToldValue
from groups.selectors import Group

_LIMITS = ("maxYValue", "minYValue")
_INSTALLED = ("yUnitInstalledMax", "yUnitInstalledMin")


def handle_created(call: Call) -> Outcome:
    """Keep groups that a party has made; those without an mRID come back with the one we gave."""

    def announce(item: Identified) -> tuple[Group, bool]:
        data = parse_create(item)
        return services.announce_group(data=data, actor=call.actor), not data.mrid

    done, errors = carry_out(read_groups(call), announce, once=True)
    return Outcome(errors, render_groups([g for g, assigned in done if assigned]), len(done))


def handle_changed(call: Call) -> Outcome:
    """Follow changes of a party's groups: members named are added, the rest replaced when given."""

    def change(item: Identified) -> Group:
        return services.change_announced_group(
            key=key_of(item), change=parse_change(item), actor=call.actor
        )

    done, errors = carry_out(read_groups(call), change, once=True)
    return Outcome(errors, "", len(done))


def handle_deleted(call: Call) -> Outcome:
    """Forget groups that a party has deleted; only the identification is read."""

    def delete(item: Identified) -> Group:
        return services.delete_announced_group(key=key_of(item), actor=call.actor)

    done, errors = carry_out(read_groups(call), delete, once=True)
    return Outcome(errors, "", len(done))


def handle_executed(call: Call) -> Outcome:
    """Follow an OperationSet that a party has carried out on its groups."""
    return run_steps(call, read_steps(call.content), _follow)


_FOLLOWED: dict[str, tuple[str, Handler]] = {
    "create": ("CreatedDERGroups", handle_created),
    "created": ("CreatedDERGroups", handle_created),
    "change": ("ChangedDERGroups", handle_changed),
    "changed": ("ChangedDERGroups", handle_changed),
    "delete": ("DeletedDERGroups", handle_deleted),
    "deleted": ("DeletedDERGroups", handle_deleted),
}


def _follow(call: Call, step: Step, profile: etree._Element) -> Outcome:
    if step.verb not in _FOLLOWED:
        raise InvalidInputError(
            f"Verb {step.verb!r} is none of {', '.join(_FOLLOWED)}", cim_code="2.9"
        )
    name, handle = _FOLLOWED[step.verb]
    inner = replace(call, content=profile)
    if step.on_elements:
        check_profile(profile, operations.get("ChangedDERGroups"))
        return _follow_members(inner, removed=name == "DeletedDERGroups")
    check_profile(profile, operations.get(name))
    return handle(inner)


def _follow_members(call: Call, *, removed: bool) -> Outcome:
    def change(item: Identified) -> Group:
        members = parse_members(item.element)
        if not members:
            raise InvalidInputError("The operation lists no EndDevices", cim_code="1.7")
        wanted = GroupChange(remove=members) if removed else GroupChange(add=members)
        return services.change_announced_group(key=key_of(item), change=wanted, actor=call.actor)

    done, errors = carry_out(read_groups(call), change, once=True)
    return Outcome(errors, "", len(done))


def handle_statuses(call: Call) -> Outcome:
    """Keep the statuses a party tells of its groups."""

    def store(item: Identified) -> Group:
        return services.store_told_status(
            key=key_of(item), told=parse_status(item.element), actor=call.actor
        )

    done, errors = carry_out(read_groups(call), store, once=True)
    return Outcome(errors, "", len(done))


def parse_status(group: etree._Element) -> ToldGroup:
    """Read one EndDeviceGroup of a status message into SI, positive = injection.

    Raises:
        InvalidInputError: a unit or direction that does not fit (2.29).
        RuleViolationError: a value or instant that is schema-valid but unusable (6.1).
    """
    ns = namespace_of(group)
    status = group.find(f"{ns}status")
    return ToldGroup(
        values=tuple(_read_value(each) for each in group.iterfind(f"{ns}DERMonitorableParameter")),
        state="" if status is None else text_of(status, "value"),
        reason="" if status is None else text_of(status, "reason"),
    )


def _read_value(parameter: etree._Element) -> ToldValue:
    ns, factor = namespace_of(parameter), factor_of(parameter)
    (point,) = parameter.iterfind(f"{ns}DERCurveData")
    high, low = read_pair(point, _LIMITS, factor)
    installed_max, installed_min = read_pair(parameter, _INSTALLED, factor)
    return ToldValue(
        parameter=text_of(parameter, "DERParameter"),
        at=read_instant(text_of(point, "timeStamp"), "timeStamp"),
        nominal=read_scaled(point, "nominalYValue", factor),
        high=high,
        low=low,
        installed_max=installed_max,
        installed_min=installed_min,
    )


def read_pair(
    element: etree._Element, names: tuple[str, str], factor: float
) -> tuple[float | None, float | None]:
    """Return a maximum and a minimum in SI; a factor that negates makes one of the other."""
    high, low = (read_scaled(element, name, factor) for name in names)
    return (high, low) if factor > 0 else (low, high)


def read_scaled(element: etree._Element, name: str, factor: float) -> float | None:
    """Return the number in a child times `factor`; None when it is missing.

    Raises:
        RuleViolationError: no finite number (6.1).
    """
    given = text_of(element, name)
    if not given:
        return None
    return read_float(str(factor * read_float(given, name)), name)
