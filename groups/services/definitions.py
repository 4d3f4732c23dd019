"""Writes of groups: create, change (merge), delete; audited and announced.

REST, CIM XML and the demo all come through here. Source: IEC 61968-5 create/change/delete
DERGroups; merge semantics after EPRI test cases 2A, 2B (docs/standards/61968-5.md).
"""

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
from django.db import IntegrityError, connection, transaction
from numpy.typing import NDArray

from derms.accounts.rules.grants import require_granted
from derms.accounts.scopes import SANDBOX_MRID, is_sandboxed
from derms.accounts.selectors import find_organisation_id, find_utility
from derms.audit.services import record
from derms.core import bulk, clock
from derms.core.actors import Actor, ActorKind
from derms.core.errors import ForbiddenError, InvalidInputError, RuleViolationError
from derms.core.ids import new_mrid
from derms.devices.selectors import dispatchable, find_dispatchable, find_ids, owned_ids
from derms.devices.selectors.names import find_ids_by_name, mrids_of
from derms.events.services import publish
from groups.events import GroupChanged, GroupCreated, GroupDeleted
from groups.models import DerGroup, DerGroupName, GroupStatus, ToldStatus
from groups.rules.definition import GroupChange, GroupData, GroupKey, MemberKeys, Name, Version
from groups.selectors import get_group, is_group_key_taken, member_ids
from groups.services.watchers import NOBODY, Definition, announce_definition

Ids = NDArray[np.int32]
_LISTED = 20  # how many offenders an error names


def _bad_members(message: str, code: str, offenders: list[str], kind: str) -> RuleViolationError:
    return RuleViolationError(
        f"{message.rstrip('.')}: {', '.join(offenders[:_LISTED])}"
        + (f" and {len(offenders) - _LISTED} more" if len(offenders) > _LISTED else ""),
        code=code,
        object_type="EndDevice",
        id_kind=kind,
        id=offenders[0],
        offenders=offenders[:1000],
    )


def _known(keys: tuple[str, ...], ids: Ids, kind: str) -> None:
    unknown = np.flatnonzero(ids < 0)
    if unknown.size:
        raise _bad_members("Unknown end device", "unknown_device", [keys[i] for i in unknown], kind)


def _resolve(members: MemberKeys, *, in_sandbox: bool) -> Ids:
    """Return the distinct device keys of `members`, ascending.

    Groups of the sandbox have its devices alone, and the others none of them.

    Raises:
        RuleViolationError: a device is unknown (CIM 6.1, object type EndDevice).
    """
    sandbox = owned_ids(SANDBOX_MRID)
    by_mrid = _of_world(find_ids(list(members.mrids)), sandbox, in_sandbox=in_sandbox)
    _known(members.mrids, by_mrid, "uuid")
    if not members.names:
        return np.unique(by_mrid)
    by_name = _of_world(find_ids_by_name(list(members.names)), sandbox, in_sandbox=in_sandbox)
    _known(members.names, by_name, "name")
    return np.unique(np.concatenate([by_mrid, by_name]))


def _of_world(ids: Ids, sandbox: Ids, *, in_sandbox: bool) -> Ids:
    """Return device keys [n] with -1 for those of the other side."""
    if not sandbox.size and not in_sandbox:
        return ids
    return np.where(np.isin(ids, sandbox) == in_sandbox, ids, -1)


def _dispatchable(members: MemberKeys, *, in_sandbox: bool) -> Ids:
    """Return the distinct keys of devices that are to be members, ascending.

    Raises:
        RuleViolationError: a device is unknown, not registered or not eligible (CIM 6.1, object
            type EndDevice).
    """
    if not members.names:
        found = find_dispatchable(members.mrids, in_sandbox=in_sandbox)
        if (found >= 0).all():  # else the longer way, which tells what is wrong with which
            return np.unique(found)
    ids = _resolve(members, in_sandbox=in_sandbox)
    _require_dispatchable(ids)
    return ids


def _require_dispatchable(ids: Ids) -> None:
    verdict = dispatchable(ids)
    barred = np.flatnonzero(~verdict.allowed)
    if barred.size:
        mrids = mrids_of(ids[barred])
        raise _bad_members(verdict.reasons[barred[0]], "not_eligible", mrids, "uuid")


def _owner_pk(actor: Actor) -> int:
    """Return the organisation a new group belongs to: the actor's, else the utility."""
    if actor.organisation_mrid and (own := find_organisation_id(actor.organisation_mrid)):
        return own
    utility = find_utility()
    if utility is None:
        raise RuleViolationError("No organisation can own the group", code="no_owner")
    return utility.pk


_JOIN = """
INSERT INTO groups_membership (group_id, device_id, period)
SELECT %(group)s, d, tstzrange(%(at)s, NULL) FROM unnest(%(ids)s::int4[]) d
"""
_UNLESS_IN = "ON CONFLICT (group_id, device_id) WHERE upper_inf(period) DO NOTHING"


def join(group: DerGroup, ids: Ids, at: dt.datetime, *, new: bool = False) -> int:
    """Open a membership for every device that has none; return how many.

    A new group has no members yet, and not asking for each of them saves a third of the time.
    """
    values = {"group": group.pk, "at": at, "ids": ids.astype("int32", copy=False)}
    return bulk.execute(_JOIN if new else _JOIN + _UNLESS_IN, values).rowcount


_OPEN = " WHERE group_id = %(group)s AND upper_inf(period) AND device_id = ANY(%(ids)s)"
_FORGET = "DELETE FROM groups_membership" + _OPEN + " AND lower(period) >= %(at)s"
_CLOSE = "UPDATE groups_membership SET period = tstzrange(lower(period), %(at)s)" + _OPEN


def leave(group: DerGroup, ids: Ids, at: dt.datetime) -> int:
    """Close the open memberships of `ids`; return how many.

    A membership opened at the very same instant leaves no period behind and is removed.
    """
    values = {"group": group.pk, "at": at, "ids": ids.tolist()}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, values)
        forgotten = int(cursor.rowcount)
        cursor.execute(_CLOSE, values)
        return forgotten + int(cursor.rowcount)


def set_version(group: DerGroup, version: Version | None) -> None:
    """Set the version of a group where one is given."""
    if version is not None:
        group.version_major = version.major
        group.version_minor = version.minor
        group.version_revision = version.revision
        group.version_date = version.date


def describe(group: DerGroup) -> dict[str, Any]:
    """Return what the audit trail says about a group."""
    return {
        "name": group.name,
        "description": group.description,
        "functions": sorted(group.functions),
        "version": [group.version_major, group.version_minor, group.version_revision],
        "members": group.member_count,
        "revision": group.revision,
    }


def _refuse_taken(key: GroupKey) -> None:
    taken = is_group_key_taken(key)
    if taken:
        kind, value = taken.given
        raise RuleViolationError(
            f"A DERGroup with this {'mRID' if kind == 'uuid' else 'name'} already exists: {value}",
            code="duplicate_group", object_type="DERGroup", id_kind=kind, id=value,
        )  # fmt: skip


def _locked(key: GroupKey, actor: Actor, verb: str, expected_revision: int | None) -> DerGroup:
    group = get_group(key=key, actor=actor, lock=True, verb=verb)
    if expected_revision is not None and group.revision != expected_revision:
        raise RuleViolationError(
            "Somebody else changed the group meanwhile", code="stale_revision",
            revision=group.revision,
        )  # fmt: skip
    return group


def _refuse_told(group: DerGroup) -> None:
    """Leave groups of other parties to them.

    Raises:
        ForbiddenError: CIM 7.5.
    """
    if group.announced_by:
        raise ForbiddenError(
            f"This DERGroup belongs to {group.owner.name}, who alone changes it",
            code="not_own_group", object_type="DERGroup", id_kind="uuid", id=group.mrid,
        )  # fmt: skip


def create_group(*, data: GroupData, actor: Actor) -> DerGroup:
    """Create a group with its members.

    Args:
        data: Definition; an mRID is assigned when missing, a missing name becomes the mRID.
        actor: Who asks; its organisation owns the group.

    Raises:
        ForbiddenError: no grant of the actor allows it (CIM 7.5).
        RuleViolationError: mRID or name taken, a member unknown, not registered or not eligible
            (CIM 6.1 with the offending ID).

    Source: IEC 61968-5 create(DERGroups); EPRI test cases 1A-1E.
    """
    mrid = data.mrid or new_mrid()
    require_granted(actor, "DERGroups", "create", mrid, given=data.given)
    name = data.name or (data.names[0].name if data.names else mrid)
    names = data.names or ((Name(name),) if data.name else ())
    now = clock.now()
    with transaction.atomic():
        _refuse_taken(GroupKey(mrid=data.mrid, names=(Name(name), *names)))
        ids = _dispatchable(data.members, in_sandbox=is_sandboxed(actor))
        group = DerGroup(
            mrid=mrid,
            name=name,
            description=data.description,
            functions=sorted(data.functions),
            owner_id=_owner_pk(actor),
            member_count=len(ids),
            created_at=now,
            modified_at=now,
        )
        set_version(group, data.version)
        try:
            with transaction.atomic():
                group.save(force_insert=True)
        except IntegrityError as error:  # somebody else took the key between check and insert
            raise RuleViolationError(
                f"A DERGroup with this mRID or name already exists: {name}",
                code="duplicate_group", object_type="DERGroup", id_kind="name", id=name,
            ) from error  # fmt: skip
        DerGroupName.objects.bulk_create(
            DerGroupName(group=group, **dataclasses.asdict(each)) for each in dict.fromkeys(names)
        )
        join(group, ids, now, new=True)
        record(action="group.create", object_type="DERGroup", object_mrid=mrid,
               after=describe(group), actor=actor)  # fmt: skip
        publish(GroupCreated(mrid=mrid, name=name, revision=group.revision))
        announce_definition(Definition("created", group, actor, joined=ids))
    return group


def change_group(
    *, key: GroupKey, change: GroupChange, actor: Actor, expected_revision: int | None = None
) -> DerGroup:
    """Change a group: members named are added or removed, the rest of the members stay.

    Args:
        key: Which group.
        change: What to touch; None leaves a part as it is.
        actor: Who asks.
        expected_revision: The caller's If-Match; None = whatever the revision is.

    Raises:
        NotFoundError: no such group.
        ForbiddenError: it is another party's, or the actor has no grant (CIM 7.5).
        RuleViolationError: revision differs (`stale_revision`), new name taken, or a member
            unknown or not eligible.

    Source: IEC 61968-5 change(DERGroups); ADR 0011 (merge, not replace).
    """
    now = clock.now()
    with transaction.atomic():
        group = _locked(key, actor, "change", expected_revision)
        _refuse_told(group)
        before = describe(group)
        if change.name is not None and change.name != group.name:
            _rename(group, change.name)
        if change.description is not None:
            group.description = change.description
        if change.functions is not None:
            group.functions = sorted(change.functions)
        set_version(group, change.version)
        left, joined = _change_members(group, change, now)
        group.revision += 1
        group.modified_at = now
        group.save()
        record(action="group.change", object_type="DERGroup", object_mrid=group.mrid,
               before=before, after=describe(group), actor=actor)  # fmt: skip
        publish(GroupChanged(mrid=group.mrid, name=group.name, revision=group.revision))
        redefined = change != GroupChange(add=change.add, remove=change.remove)
        announce_definition(Definition("changed", group, actor, joined, left, redefined))
    return group


def _rename(group: DerGroup, name: str) -> None:
    if not name:
        raise InvalidInputError("A group needs a name", code="no_name", field="/name")
    _refuse_taken(GroupKey(names=(Name(name),)))
    group.names.filter(name=group.name).update(name=name)
    group.name = name


def _change_members(group: DerGroup, change: GroupChange, now: dt.datetime) -> tuple[Ids, Ids]:
    """Remove and add members; returns the devices asked to leave and those asked to join."""
    left = joined = NOBODY
    in_sandbox = group.owner.mrid == SANDBOX_MRID
    if change.remove:
        left = _resolve(change.remove, in_sandbox=in_sandbox)
        group.member_count -= leave(group, left, now)
    if change.add:
        joined = _dispatchable(change.add, in_sandbox=in_sandbox)
        group.member_count += join(group, joined, now)
    return left, joined


def delete_group(*, key: GroupKey, actor: Actor, expected_revision: int | None = None) -> DerGroup:
    """Delete a group: its memberships end, its name becomes free, its past stays answerable.

    Raises:
        NotFoundError: no such group.
        ForbiddenError: it is another party's, or the actor has no grant (CIM 7.5).
        RuleViolationError: revision differs.

    Source: IEC 61968-5 delete(DERGroups); EPRI test case 4.
    """
    now = clock.now()
    with transaction.atomic():
        group = _locked(key, actor, "delete", expected_revision)
        if actor.kind is not ActorKind.USER:  # a person may clear away what a party left behind
            _refuse_told(group)
        before = describe(group)
        close_group(group, now)
        record(action="group.delete", object_type="DERGroup", object_mrid=group.mrid,
               before=before, actor=actor)  # fmt: skip
        publish(GroupDeleted(mrid=group.mrid, name=group.name))
        announce_definition(Definition("deleted", group, actor))
    return group


def close_group(group: DerGroup, at: dt.datetime) -> None:
    """End a group: its members leave, its statuses go, its row stays as its past."""
    leave(group, member_ids(group.pk), at)
    group.member_count = 0
    group.deleted_at = at
    group.modified_at = at
    group.revision += 1
    group.save()
    GroupStatus.objects.filter(group=group).delete()
    ToldStatus.objects.filter(group=group).delete()
    group.told_members.all().delete()
