"""Which groups a message names: shared by the DERGroups and DERGroupStatuses modules."""

from collections.abc import Iterator

from derms.cim.envelope import ReplyError
from derms.cim.exchange import carry_out
from derms.cim.parts import Identified, namespace_of, read_identified
from derms.cim.registry import Call
from groups import selectors
from groups.rules.definition import GroupKey, Name


def read_groups(call: Call) -> Iterator[Identified]:
    """Yield every EndDeviceGroup of the content, identified."""
    for element in call.content.iterfind(f"{namespace_of(call.content)}EndDeviceGroup"):
        yield read_identified(element, "DERGroup")


def names_of(item: Identified) -> tuple[Name, ...]:
    """Return the names of an element as the groups room has them."""
    return tuple(Name(n.name, n.name_type, n.authority) for n in item.names)


def key_of(item: Identified) -> GroupKey:
    """Return the key of an element that must point at a group.

    Raises:
        InvalidInputError: neither mRID nor Names (1.7).
        RuleViolationError: longer than any of ours (6.1).
    """
    item.require_identification()
    return GroupKey(mrid=item.mrid, names=names_of(item))


def find_groups(call: Call, noun: str) -> tuple[list[selectors.Group], tuple[ReplyError, ...]]:
    """Return the groups a query for a noun names, in its order; one naming nothing means all.

    Source: section 6 rows 9 and 11 of docs/standards/61968-5.md; EPRI test cases DERG-5A/5B.
    """

    def find(item: Identified) -> list[selectors.Group]:
        if item.about is None:
            return list(selectors.list_groups(actor=call.actor, noun=noun))
        return [selectors.get_group(key=key_of(item), actor=call.actor, noun=noun)]

    found, errors = carry_out(read_groups(call), find)
    return [group for groups in found for group in groups], errors
