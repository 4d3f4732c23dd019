"""What the grants of an API client let it do: which verb of which noun on which groups.

A client without grants may do what its roles allow; with grants, only what one of them allows.
Every service and selector that decides by group asks here, so that REST, CIM, sets of operations,
push and deferred requests obey alike.
Source: issue section 3 (permissions per partner); IEC 61968-100 code 7.5; docs/adr/0063.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from derms.core.actors import Actor, Grant
from derms.core.errors import ForbiddenError, InvalidInputError

NOUNS: dict[str, frozenset[str]] = {
    "DERGroups": frozenset({"get", "create", "change", "delete", "created", "changed", "deleted"}),
    "DERGroupStatuses": frozenset({"get", "changed"}),
    "DERGroupForecasts": frozenset({"get", "created"}),
    "DERGroupDispatches": frozenset({"get", "create", "cancel"}),
    "EndDeviceControls": frozenset({"get", "create", "cancel"}),
    "EndDeviceEvents": frozenset({"get", "created"}),
    "MeterReadings": frozenset({"get", "created"}),
    "EndDevices": frozenset({"get"}),
}
"""Nouns with the verbs there are of them; `get` is also what a partner is pushed."""

OF_DEVICES = frozenset(
    {
        ("EndDevices", "get"),
        ("EndDeviceEvents", "created"),
        ("MeterReadings", "created"),
    }
)
"""About devices and no group: a grant that names groups does not allow them."""

_MOST_GRANTS = 50
_MOST_GROUPS = 1000


def granted_groups(actor: Actor, noun: str, verb: str) -> frozenset[str] | None:
    """Return the mRIDs of the groups on which an actor may do something; None means all."""
    if not actor.grants:
        return None
    found = [grant for grant in actor.grants if _speaks_of(grant, noun, verb)]
    if any(not grant.groups for grant in found):
        return None
    return frozenset().union(*(grant.groups for grant in found))


def is_granted(actor: Actor, noun: str, verb: str, group_mrid: str) -> bool:
    """Say whether an actor may do something to one group."""
    groups = granted_groups(actor, noun, verb)
    return groups is None or group_mrid in groups


def is_granted_at_all(actor: Actor, noun: str, verbs: Iterable[str]) -> bool:
    """Say whether an actor may do one of the verbs to anything: what a door can know."""
    return any(_somewhere(actor, noun, verb) for verb in verbs)


def _somewhere(actor: Actor, noun: str, verb: str) -> bool:
    groups = granted_groups(actor, noun, verb)
    return groups is None or (bool(groups) and (noun, verb) not in OF_DEVICES)


def require_granted(
    actor: Actor, noun: str, verb: str, group_mrid: str, *, given: tuple[str, str] | None = None
) -> None:
    """Refuse what no grant of an actor allows.

    Args:
        actor: Who asks.
        noun: Noun of the standard.
        verb: Verb of the standard.
        group_mrid: The group it is about.
        given: (`uuid` or `name`, value) as the caller named the group; None = its mRID.

    Raises:
        ForbiddenError: CIM 7.5 with the ID of the group.
    """
    if is_granted(actor, noun, verb, group_mrid):
        return
    kind, value = given or ("uuid", group_mrid)
    raise ForbiddenError(
        f"{actor.name} may not {verb} {noun} of this DERGroup",
        code="not_granted", object_type="DERGroup", id_kind=kind, id=value,
    )  # fmt: skip


def _speaks_of(grant: Grant, noun: str, verb: str) -> bool:
    return (not grant.nouns or noun in grant.nouns) and (not grant.verbs or verb in grant.verbs)


def read_grants(rows: Iterable[Mapping[str, Any]]) -> tuple[Grant, ...]:
    """Return grants as actors carry them from rows {nouns, verbs, groups}, each a list of text."""
    return tuple(
        Grant(frozenset(row["nouns"]), frozenset(row["verbs"]), frozenset(row["groups"]))
        for row in rows
    )


def revision_of(rows: Collection[Mapping[str, Any]]) -> str:
    """Return what tells one state of a client's grants from another; for If-Match."""
    return hashlib.sha256(json.dumps(list(rows), sort_keys=True).encode()).hexdigest()[:16]


def check_grants(grants: Collection[Grant]) -> list[dict[str, list[str]]]:
    """Return grants as they are kept, each part in order; those that stand twice once.

    Raises:
        InvalidInputError: unknown noun or verb, one that allows nothing, or too many.
    """
    if len(grants) > _MOST_GRANTS:
        raise InvalidInputError(f"A client has at most {_MOST_GRANTS} grants.", field="/grants")
    if sum(len(grant.groups) for grant in grants) > _MOST_GROUPS:
        raise InvalidInputError(
            f"The grants of a client name at most {_MOST_GROUPS} groups.", field="/grants"
        )
    for grant in grants:
        _check(grant)
    return [
        {"nouns": sorted(g.nouns), "verbs": sorted(g.verbs), "groups": sorted(g.groups)}
        for g in dict.fromkeys(grants)
    ]


def _check(grant: Grant) -> None:
    unknown = grant.nouns - NOUNS.keys()
    if unknown:
        raise InvalidInputError(f"There is no noun {min(unknown)[:80]}.", field="/grants")
    nouns = grant.nouns or NOUNS.keys()
    possible = {(noun, verb) for noun in nouns for verb in NOUNS[noun]}
    verbs = {verb for _, verb in possible}
    misfit = grant.verbs - verbs
    if misfit:
        raise InvalidInputError(
            f"Verb {min(misfit)[:20]} does not fit {', '.join(sorted(nouns))}.", field="/grants"
        )
    wanted = {deed for deed in possible if not grant.verbs or deed[1] in grant.verbs}
    if grant.groups and wanted <= OF_DEVICES:
        raise InvalidInputError(
            "What is about devices cannot be granted for groups: leave the groups out.",
            field="/grants",
        )
    if any(not mrid or len(mrid) > 128 for mrid in grant.groups):
        raise InvalidInputError("The mRID of a group has 1 to 128 characters.", field="/grants")
