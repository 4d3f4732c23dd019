"""DERGroups messages: create, change, delete and get, in and out.

Everything goes through `groups.services`, as REST does. Source: IEC 61968-5 DERGroups profile;
EPRI test cases DERG-1 to DERG-5.
"""

from collections.abc import Sequence
from typing import Any

from lxml import etree

from derms.cim import names
from derms.cim.envelope import Outcome
from derms.cim.exchange import carry_out
from derms.cim.markup import leaf, node, repeated
from derms.cim.parts import (
    CimName,
    Identified,
    namespace_of,
    read_identified,
    read_instant,
    read_integer,
    render_instant,
    render_names,
    text_of,
)
from derms.cim.registry import Call
from derms.core.errors import InvalidInputError
from derms.devices import selectors as devices
from groups import selectors, services
from groups.choices import DerFunction
from groups.cim.queries import find_groups, key_of, names_of, read_groups
from groups.rules.definition import (
    GroupChange,
    GroupData,
    MemberKeys,
    Version,
    flags_from_functions,
    functions_from_flags,
)


def _functions(group: etree._Element) -> frozenset[DerFunction] | None:
    element = group.find(f"{namespace_of(group)}DERFunction")
    if element is None:
        return None
    return functions_from_flags(
        {
            etree.QName(flag).localname: (flag.text or "").strip() in ("true", "1")
            for flag in element
        }
    )


def _version(group: etree._Element) -> Version | None:
    element = group.find(f"{namespace_of(group)}version")
    if element is None:
        return None
    date = text_of(element, "date")
    parts = {part: text_of(element, part) for part in ("major", "minor", "revision")}
    return Version(
        date=read_instant(date, "version date") if date else None,
        **{part: read_integer(text, part) for part, text in parts.items() if text},
    )


def parse_members(group: etree._Element) -> MemberKeys:
    """Read the EndDevices: by mRID, and by name where that is missing.

    One XPath over all members, because 100,000 of them must not cost a Python step each.

    Raises:
        InvalidInputError: a member with neither mRID nor Names (1.7).
    """
    ns = {"p": str(etree.QName(group).namespace)}
    found: Any = group.xpath("p:EndDevices/p:mRID/text()", namespaces=ns, smart_strings=False)
    mrids: tuple[str, ...] = tuple(map(str.strip, found))
    if len(mrids) == group.xpath("count(p:EndDevices)", namespaces=ns) and all(mrids):
        return MemberKeys(mrids=mrids)
    named: dict[bool, list[str]] = {True: [], False: []}
    for element in group.iterfind(f"{namespace_of(group)}EndDevices"):
        device = read_identified(element, "EndDevice")
        if device.about is None:
            raise InvalidInputError("A member has neither mRID nor Names", cim_code="1.7")
        named[bool(device.mrid)].append(device.about.value)
    return MemberKeys(mrids=tuple(named[True]), names=tuple(named[False]))


def parse_create(item: Identified) -> GroupData:
    """Read one EndDeviceGroup of a create message (constrained profile).

    Raises:
        InvalidInputError: neither mRID nor Names (1.7).
        RuleViolationError: a value that is schema-valid but unusable (6.1).
    """
    item.require_identification()
    group = item.element
    return GroupData(
        mrid=item.mrid,
        name=item.names[0].name if item.names else "",
        names=names_of(item),
        description=text_of(group, "description"),
        functions=_functions(group) or frozenset(),
        version=_version(group),
        members=parse_members(group),
    )


def parse_change(item: Identified) -> GroupChange:
    """Read one EndDeviceGroup of a change message: what is absent stays as it is.

    Source: section 8 decision 4 of docs/standards/61968-5.md; EPRI test cases DERG-2A, 2B.
    """
    group = item.element
    described = group.find(f"{namespace_of(group)}description") is not None
    return GroupChange(
        description=text_of(group, "description") if described else None,
        functions=_functions(group),
        version=_version(group),
        add=parse_members(group),
    )


def handle_create(call: Call) -> Outcome:
    """Create the groups; those without an mRID come back with the one assigned.

    When some were refused, all that were created come back, so that the client sees which.
    Source: EPRI test cases DERG-1A to 1E.
    """

    def create(item: Identified) -> tuple[selectors.Group, bool]:
        data = parse_create(item)
        return services.create_group(data=data, actor=call.actor), not data.mrid

    done, errors = carry_out(read_groups(call), create, once=True)
    shown = [group for group, assigned in done if assigned or errors]
    return Outcome(errors, render_groups(shown), len(done))


def handle_change(call: Call) -> Outcome:
    """Change the groups: members named are added, functions, description and version replaced."""

    def change(item: Identified) -> selectors.Group:
        return services.change_group(key=key_of(item), change=parse_change(item), actor=call.actor)

    done, errors = carry_out(read_groups(call), change, once=True)
    return Outcome(errors, render_groups(done) if errors else "", len(done))


def handle_delete(call: Call) -> Outcome:
    """Delete the groups; only the identification is read. Source: EPRI test case DERG-4."""

    def delete(item: Identified) -> selectors.Group:
        return services.delete_group(key=key_of(item), actor=call.actor)

    done, errors = carry_out(read_groups(call), delete, once=True)
    return Outcome(errors, "", len(done))


def handle_query(call: Call) -> Outcome:
    """Answer with the groups asked for, in the order of the query."""
    found, errors = find_groups(call, "DERGroups")
    return Outcome(errors, render_groups(found), len(found))


def render_groups(groups: Sequence[selectors.Group]) -> str:
    """Return the `DERGroups` payload with all members; empty for no groups."""
    if not groups:
        return ""
    members = selectors.member_ids_of_groups([group.pk for group in groups])
    told = selectors.told_members([group.pk for group in groups if group.announced_by])
    inner = [
        _render_group(group, devices.mrids_of(members[group.pk]), told.get(group.pk, ()))
        for group in groups
    ]
    return node("DERGroups", *inner, xmlns=names.profile("DERGroups"))


def render_changed(group: selectors.Group, joined: Sequence[str]) -> str:
    """Return the `DERGroups` payload of a change: the definition, and the members that joined."""
    inner = _render_group(group, joined)
    return node("DERGroups", inner, xmlns=names.profile("DERGroups"))


def render_identified(group: selectors.Group, members: Sequence[str] = ()) -> str:
    """Return a `DERGroups` payload that only names a group, and members to be removed from it."""
    inner = node(
        "EndDeviceGroup",
        leaf("mRID", group.mrid),
        repeated("<EndDevices><mRID>", members, "</mRID></EndDevices>"),
        render_names(group_names(group)),
    )
    return node("DERGroups", inner, xmlns=names.profile("DERGroups"))


def _render_group(
    group: selectors.Group, members: Sequence[str], told: Sequence[tuple[str, str]] = ()
) -> str:
    """Return one EndDeviceGroup: our devices by mRID, those of other parties as they were told."""
    flags = flags_from_functions(frozenset(map(DerFunction, group.functions)))
    parts = {
        "date": group.version_date and render_instant(group.version_date),
        "major": group.version_major,
        "minor": group.version_minor,
        "revision": group.version_revision,
    }
    version = "".join(leaf(name, value) for name, value in parts.items())
    return node(
        "EndDeviceGroup",
        leaf("mRID", group.mrid),
        leaf("description", group.description or None),
        node("DERFunction", *(leaf(name, value) for name, value in flags.items())),
        repeated("<EndDevices><mRID>", members, "</mRID></EndDevices>"),
        *(
            node(
                "EndDevices", leaf("mRID", mrid or None), render_names([CimName(name)] * bool(name))
            )
            for mrid, name in told
        ),
        render_names(group_names(group)),
        node("version", version) if version else "",
    )


def group_names(group: selectors.Group) -> list[CimName]:
    """Return the names of a group; one that was created without any is called by its mRID."""
    return [CimName(n.name, n.name_type, n.name_type_authority) for n in group.names.all()]
