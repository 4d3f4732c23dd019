"""Groups of other parties, as they tell us of them: created, changed, deleted, their status.

A party is the organisation of the API client. What it says concerns its own groups alone: a group
of ours or of another party can neither be taken nor changed (CIM 7.5). Members that are devices the
party has registered with us become members; the others are kept as references.
Source: IEC 61968-5 created/changed/deleted(DERGroups), changed(DERGroupStatuses); docs/adr/0012.
"""

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction

from derms.accounts.rules.grants import require_granted
from derms.accounts.selectors import find_organisation_id
from derms.audit.services import record
from derms.core import bulk, clock
from derms.core.actors import Actor
from derms.core.errors import ForbiddenError, RuleViolationError
from derms.core.ids import new_mrid
from derms.devices.selectors import find_ids
from derms.events.services import publish
from groups.events import GroupChanged, GroupCreated, GroupDeleted
from groups.models import DerGroup, DerGroupName, ToldMember, ToldStatus
from groups.rules.definition import GroupChange, GroupData, GroupKey, MemberKeys, Name
from groups.rules.told import ToldGroup
from groups.selectors import get_group, holder_of
from groups.services.definitions import close_group, describe, join, leave, set_version

MAX_TOLD_MEMBERS = 100_000
"""References of one group."""


def announce_group(*, data: GroupData, actor: Actor) -> DerGroup:
    """Keep a group that a party says it has made.

    Args:
        data: Its definition, as the party gave it.
        actor: An API client of the party.

    Raises:
        ForbiddenError: its mRID or name belongs to somebody else, or the client has no grant
            (CIM 7.5).
        RuleViolationError: the party has told us of it before (CIM 6.1).
    """
    party = _party(actor)
    mrid = data.mrid or new_mrid()
    require_granted(actor, "DERGroups", "created", mrid, given=data.given)
    name = data.name or mrid
    names = data.names or (Name(name),)
    now = clock.now()
    with transaction.atomic():
        _refuse_taken(GroupKey(mrid=data.mrid, names=(Name(name), *names)), actor)
        group = DerGroup(
            mrid=mrid,
            name=name,
            description=data.description,
            functions=sorted(data.functions),
            owner_id=party,
            announced_by=actor.mrid,
            created_at=now,
            modified_at=now,
        )
        set_version(group, data.version)
        try:
            with transaction.atomic():
                group.save(force_insert=True)
        except IntegrityError as error:  # somebody else took the key between check and insert
            raise _duplicate(GroupKey(names=(Name(name),))) from error
        DerGroupName.objects.bulk_create(
            DerGroupName(group=group, **dataclasses.asdict(each)) for each in dict.fromkeys(names)
        )
        _add(group, data.members, actor, now)
        group.save()
        record(action="group.announce", object_type="DERGroup", object_mrid=mrid,
               after=_describe(group), actor=actor)  # fmt: skip
        publish(GroupCreated(mrid=mrid, name=name, revision=group.revision))
    return group


def change_announced_group(*, key: GroupKey, change: GroupChange, actor: Actor) -> DerGroup:
    """Follow a change that a party made to its group.

    Raises:
        NotFoundError: nobody has told us of such a group (CIM 99.1).
        ForbiddenError: it is not the party's, or the client has no grant (CIM 7.5).
    """
    now = clock.now()
    with transaction.atomic():
        group = own_group(key, actor, verb="changed")
        before = _describe(group)
        if change.description is not None:
            group.description = change.description
        if change.functions is not None:
            group.functions = sorted(change.functions)
        set_version(group, change.version)
        _remove(group, change.remove, actor, now)
        _add(group, change.add, actor, now)
        group.revision += 1
        group.modified_at = now
        group.save()
        record(action="group.announce_change", object_type="DERGroup", object_mrid=group.mrid,
               before=before, after=_describe(group), actor=actor)  # fmt: skip
        publish(GroupChanged(mrid=group.mrid, name=group.name, revision=group.revision))
    return group


def delete_announced_group(*, key: GroupKey, actor: Actor) -> DerGroup:
    """Forget a group that a party has deleted.

    Raises:
        NotFoundError: nobody has told us of such a group (CIM 99.1).
        ForbiddenError: it is not the party's, or the client has no grant (CIM 7.5).
    """
    with transaction.atomic():
        group = own_group(key, actor, verb="deleted")
        before = _describe(group)
        close_group(group, clock.now())
        record(action="group.announce_delete", object_type="DERGroup", object_mrid=group.mrid,
               before=before, actor=actor)  # fmt: skip
        publish(GroupDeleted(mrid=group.mrid, name=group.name))
    return group


def store_told_status(*, key: GroupKey, told: ToldGroup, actor: Actor) -> DerGroup:
    """Keep the status a party tells of its group, unless a newer one is here.

    Not audited: statuses come every few seconds, change nothing, and are in the message log.

    Raises:
        NotFoundError: nobody has told us of such a group (CIM 99.1).
        ForbiddenError: it is not the party's, or the client has no grant (CIM 7.5).
    """
    with transaction.atomic():
        group = own_group(key, actor, noun="DERGroupStatuses", verb="changed")
        known = ToldStatus.objects.filter(group=group).first()
        # A clock that runs ahead must not keep out what is told later.
        if known is None or min(known.at, known.received_at) <= told.at:
            ToldStatus.objects.update_or_create(
                group=group,
                defaults={
                    "received_at": clock.now(),
                    "at": told.at,
                    "values": {value.parameter: _stored(value) for value in told.values},
                    "state": told.state[:200],
                    "reason": told.reason[:500],
                },
            )
    return group


def _stored(value: Any) -> dict[str, Any]:
    parts: dict[str, Any] = dataclasses.asdict(value)
    del parts["parameter"]
    return parts | {"at": value.at.isoformat()}


def own_group(key: GroupKey, actor: Actor, *, noun: str = "DERGroups", verb: str) -> DerGroup:
    """Return a party's own group, locked for a change.

    Args:
        key: Which group.
        actor: An API client of the party.
        noun: What it tells of the group.
        verb: What became of that: `created`, `changed` or `deleted`.

    Raises:
        NotFoundError: no such group, or none that the party may know of (CIM 99.1).
        ForbiddenError: it is ours or another party's, or the client has no grant (CIM 7.5).
    """
    group = get_group(key=key, actor=actor, lock=True, noun=noun, verb=verb)
    if not (group.announced_by and group.owner_id == _party(actor)):
        raise _not_theirs(key)
    return group


def _party(actor: Actor) -> int:
    party = find_organisation_id(actor.organisation_mrid or "")
    if party is None:
        raise ForbiddenError("Only a client of an organisation can tell of groups")
    return party


def _not_theirs(key: GroupKey) -> ForbiddenError:
    kind, value = key.given
    return ForbiddenError(
        f"This DERGroup belongs to another party: {value}",
        code="not_own_group", object_type="DERGroup", id_kind=kind, id=value,
    )  # fmt: skip


def _duplicate(key: GroupKey) -> RuleViolationError:
    kind, value = key.given
    return RuleViolationError(
        f"A DERGroup with this {'mRID' if kind == 'uuid' else 'name'} already exists: {value}",
        code="duplicate_group", object_type="DERGroup", id_kind=kind, id=value,
    )  # fmt: skip


def _refuse_taken(key: GroupKey, actor: Actor) -> None:
    found = holder_of(key)
    if found is None:
        return
    taken, group = found
    if group.announced_by and group.owner_id == _party(actor):
        raise _duplicate(taken)
    raise _not_theirs(taken)


def _add(group: DerGroup, members: MemberKeys, actor: Actor, at: dt.datetime) -> None:
    """Make members of the party's registered devices, and references of everything else."""
    ids = _registered(members, actor)
    group.member_count += join(group, np.unique(ids[ids >= 0]), at)
    rest = [mrid for mrid, key in zip(members.mrids, ids, strict=True) if key < 0]
    _refer(group, rest, [""] * len(rest))
    _refer(group, [""] * len(members.names), list(members.names))


def _refer(group: DerGroup, mrids: list[str], names: list[str]) -> None:
    if not mrids:
        return
    bulk.execute(
        "INSERT INTO groups_toldmember (group_id, mrid, name)"
        " SELECT %(group)s, m, n FROM unnest(%(mrids)s::text[], %(names)s::text[]) t(m, n)"
        " ON CONFLICT DO NOTHING",
        {"group": group.pk, "mrids": mrids, "names": names},
    )
    if group.told_members.count() > MAX_TOLD_MEMBERS:
        raise RuleViolationError(
            f"A group has at most {MAX_TOLD_MEMBERS} members that are no devices of ours",
            code="too_many_members",
        )


def _remove(group: DerGroup, members: MemberKeys, actor: Actor, at: dt.datetime) -> None:
    if not members:
        return
    ids = _registered(members, actor)
    group.member_count -= leave(group, np.unique(ids[ids >= 0]), at)
    group.told_members.filter(mrid__in=members.mrids, name="").delete()
    group.told_members.filter(mrid="", name__in=members.names).delete()


def _registered(members: MemberKeys, actor: Actor) -> Any:
    """Return the device keys of the party's own devices by mRID [n]; -1 for everything else."""
    visible = frozenset({actor.organisation_mrid or ""})
    return find_ids(list(members.mrids), visible=visible)


def _describe(group: DerGroup) -> dict[str, Any]:
    return describe(group) | {"told_members": ToldMember.objects.filter(group=group).count()}
