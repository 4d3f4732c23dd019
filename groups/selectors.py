"""Reads of groups: who they are, who was a member when, how they are now and were before."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from derms.accounts.rules.grants import granted_groups, require_granted
from derms.accounts.scopes import SANDBOX_MRID, sees_sandbox, visible_organisations
from derms.core import bulk, clock
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError, NotFoundError, RuleViolationError
from derms.devices.choices import DeviceKind
from derms.devices.selectors import device_columns
from derms.devices.selectors.live import live_rows
from derms.grid.selectors import feeder_names
from groups.models import DerGroup, GroupStatus, GroupStatusSample, ToldMember, ToldStatus
from groups.rules.definition import GroupKey, Name
from groups.rules.told import is_old

Ids = NDArray[np.int32]
Group = DerGroup  # what doors, which may not import models, call the rows they get
Status = GroupStatus
_STATUSES = "DERGroupStatuses"


def _visible(actor: Actor) -> QuerySet[DerGroup]:
    groups = DerGroup.objects.filter(deleted_at__isnull=True)
    organisations = visible_organisations(actor)
    if organisations is not None:
        return groups.filter(owner__mrid__in=organisations)
    return groups if sees_sandbox(actor) else groups.exclude(owner__mrid=SANDBOX_MRID)


def _listed(actor: Actor) -> QuerySet[DerGroup]:
    """Return the visible groups; without the sandbox's for who sees more than that."""
    groups = _visible(actor)
    if visible_organisations(actor) is not None:
        return groups
    return groups.exclude(owner__mrid=SANDBOX_MRID)


def _granted(
    groups: QuerySet[DerGroup], actor: Actor, noun: str, verb: str = "get"
) -> QuerySet[DerGroup]:
    """Keep the groups to which an actor may do something."""
    granted = granted_groups(actor, noun, verb)
    return groups if granted is None else groups.filter(mrid__in=granted)


def list_groups(
    *, actor: Actor, sandbox: bool = False, noun: str = "DERGroups", verb: str = "get"
) -> QuerySet[DerGroup]:
    """Return the live groups the actor may see, with owner, names and status joined.

    Args:
        actor: Who asks.
        sandbox: Those of the sandbox too, which lists of the live utility leave out.
        noun: What is asked of them: a client may see the statuses of other groups than it may
            see the definitions of.
        verb: What is to be done.
    """
    groups = (
        _granted(_visible(actor) if sandbox else _listed(actor), actor, noun, verb)
        .select_related("owner", "status")
        .prefetch_related("names")
    )
    return groups.order_by("id")


def search_groups(groups: QuerySet[DerGroup], *, text: str, owner: str) -> QuerySet[DerGroup]:
    """Keep the groups whose name or mRID fits `text` and whose owner is `owner`; empty = any."""
    if text:
        groups = groups.filter(Q(name__icontains=text) | Q(mrid__istartswith=text))
    return groups.filter(owner__name=owner) if owner else groups


def member_rows(ids: Ids) -> list[dict[str, Any]]:
    """Return what a table of members shows, in the order of `ids`; None = not known."""
    columns = device_columns(ids)
    feeders = feeder_names()
    live = {row["mrid"]: row for row in live_rows(columns.id)}
    return [
        {
            "mrid": mrid,
            "name": columns.name[i],
            "kind": DeviceKind.values[columns.kind[i]],
            "feeder": feeders.get(int(columns.feeder_id[i])),
            "rated_w": float(columns.rated_w[i]),
            "rated_charge_w": float(columns.rated_charge_w[i]),
            **live[mrid],
            "measured_at": _instant(live[mrid]["measured_at"]),
        }
        for i, mrid in enumerate(columns.mrid)
    ]


def _instant(epoch_s: float | None) -> dt.datetime | None:
    return None if epoch_s is None else dt.datetime.fromtimestamp(epoch_s, dt.UTC)


def _named(name: Name) -> Q:
    further = Q(names__name=name.name)
    if name.name_type:
        further &= Q(names__name_type=name.name_type)
    if name.name_type_authority:
        further &= Q(names__name_type_authority=name.name_type_authority)
    return further if name.name_type else further | Q(name=name.name)


def unknown_group(key: GroupKey) -> NotFoundError:
    """Return the error for a key that names no group. Source: EPRI test case DERGS-1B."""
    kind, value = key.given
    return NotFoundError(
        "DERGroup does not exist", code="unknown_group", object_type="DERGroup", id_kind=kind,
        id=value,
    )  # fmt: skip


def get_group(
    *,
    key: GroupKey,
    actor: Actor,
    lock: bool = False,
    noun: str = "DERGroups",
    verb: str = "get",
) -> DerGroup:
    """Return the live group a key points at, if the actor may do to it what it wants to.

    Args:
        key: mRID, names or both; both must denote the same group.
        actor: Who asks; a group outside the actor's scope does not exist for it.
        lock: Take the row lock for a change; needs a transaction.
        noun: What is asked of the group.
        verb: What is to be done.

    Raises:
        InvalidInputError: neither mRID nor name given (CIM 1.7), or they disagree (CIM 2.29).
        NotFoundError: no such group (CIM 99.1).
        ForbiddenError: no grant of the actor allows it (CIM 7.5).
    """
    if not key:
        raise InvalidInputError("A group needs an mRID or a name", code="no_key", cim_code="1.7")
    condition = Q(mrid=key.mrid) if key.mrid else _named(key.names[0])
    group = _visible(actor).filter(condition).order_by("id").first()
    if group is None:
        raise unknown_group(key)
    require_granted(actor, noun, verb, group.mrid, given=key.given)
    if lock:
        # Locked in a second step: FOR UPDATE and the join over names do not go together.
        group = DerGroup.objects.select_for_update().filter(
            pk=group.pk, deleted_at__isnull=True
        ).first()  # fmt: skip
        if group is None:
            raise unknown_group(key)
    rest = key.names if key.mrid else key.names[1:]
    for name in rest:
        if not DerGroup.objects.filter(_named(name), pk=group.pk).exists():
            raise InvalidInputError(
                f"mRID and name {name.name!r} denote different groups",
                code="keys_disagree", cim_code="2.29", object_type="DERGroup", id_kind="name",
                id=name.name,
            )  # fmt: skip
    return group


def holder_of(key: GroupKey) -> tuple[GroupKey, DerGroup] | None:
    """Return the part of a key that a live group (or any mRID ever used) holds, and that group."""
    if key.mrid and (group := DerGroup.objects.filter(mrid=key.mrid).first()):
        return GroupKey(mrid=key.mrid), group
    live = DerGroup.objects.filter(deleted_at__isnull=True)
    for name in dict.fromkeys(name.name for name in key.names):
        group = live.filter(Q(name=name) | Q(names__name=name)).first()
        if group is not None:
            return GroupKey(names=(Name(name),)), group
    return None


def is_group_key_taken(key: GroupKey) -> GroupKey | None:
    """Return the part of the key that a live group (or any mRID ever used) already holds."""
    found = holder_of(key)
    return found[0] if found else None


def member_ids(group_pk: int, *, at: dt.datetime | None = None) -> Ids:
    """Return the device keys of the members, ascending, shape [n_members].

    Args:
        group_pk: Key of the group inside this product.
        at: Instant asked about; None = now. Answers for deleted groups too.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(array_agg(device_id ORDER BY device_id), '{}') FROM groups_membership"
            " WHERE group_id = %(group)s AND CASE WHEN %(at)s::timestamptz IS NULL"
            " THEN upper_inf(period) ELSE period @> %(at)s::timestamptz END",
            {"group": group_pk, "at": at},
        )
        row = cursor.fetchone()
    return np.asarray(row[0] if row else [], dtype=np.int32)


def member_ids_of_groups(group_pks: Sequence[int]) -> dict[int, Ids]:
    """Return the present members of several groups in one query: {group key: ids ascending}."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT group_id, array_agg(device_id ORDER BY device_id) FROM groups_membership"
            " WHERE upper_inf(period) AND group_id = ANY(%s) GROUP BY group_id",
            [list(group_pks)],
        )
        found = {key: np.asarray(ids, dtype=np.int32) for key, ids in cursor.fetchall()}
    return {key: found.get(key, np.empty(0, dtype=np.int32)) for key in group_pks}


def shared_members(group_pks: Sequence[int], ids: Ids) -> dict[int, Ids]:
    """Return which of the devices [n] are present members of each group that has any of them.

    One query, however many groups: {group key: ids ascending}.
    """
    rows = bulk.execute(
        "SELECT group_id, array_agg(device_id ORDER BY device_id) FROM groups_membership"
        " WHERE upper_inf(period) AND group_id = ANY(%(groups)s::int4[])"
        " AND device_id = ANY(%(ids)s::int4[]) GROUP BY group_id",
        {"groups": np.asarray(group_pks, dtype="int32"), "ids": ids.astype("int32", copy=False)},
    )
    return {key: np.asarray(found, dtype=np.int32) for key, found in rows.fetchall()}


def groups_of_device(device_pk: int, *, actor: Actor) -> QuerySet[DerGroup]:
    """Return the live groups a device is a member of now."""
    return list_groups(actor=actor, sandbox=True).filter(
        memberships__device_id=device_pk, memberships__period__upper_inf=True
    )


def revisions() -> dict[int, int]:
    """Return {group key: revision} of the groups we measure; changed revision = changed members."""
    live = DerGroup.objects.filter(deleted_at__isnull=True)
    # A party's group without a device of ours has nothing we could measure.
    counted = live.filter(Q(announced_by="") | Q(member_count__gt=0))
    return dict(counted.values_list("pk", "revision"))


def sandbox_mrids() -> QuerySet[DerGroup, str]:
    """Return the mRIDs of all groups the sandbox has or had."""
    return DerGroup.objects.filter(owner__mrid=SANDBOX_MRID).values_list("mrid", flat=True)


def is_of_sandbox(mrid: str) -> bool:
    """Tell whether a group is the sandbox's, of which operators are not alarmed."""
    return sandbox_mrids().filter(mrid=mrid).exists()


def mrids(group_pks: Sequence[int]) -> dict[int, str]:
    """Return {group key: mRID} of live groups."""
    found = DerGroup.objects.filter(pk__in=group_pks, deleted_at__isnull=True)
    return dict(found.values_list("pk", "mrid"))


def owners(group_pks: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return {group key: (mRID, mRID of the owning organisation)} of live groups."""
    found = DerGroup.objects.filter(pk__in=group_pks, deleted_at__isnull=True)
    return {pk: (mrid, owner) for pk, mrid, owner in found.values_list("pk", "mrid", "owner__mrid")}


def with_status(group_pks: Sequence[int]) -> list[tuple[DerGroup, GroupStatus]]:
    """Return live groups that have a status with it, names joined, in the order of their keys."""
    found = GroupStatus.objects.filter(group__in=group_pks, group__deleted_at__isnull=True)
    rows = found.select_related("group").prefetch_related("group__names").order_by("group_id")
    return [(status.group, status) for status in rows]


def list_statuses(*, actor: Actor) -> QuerySet[GroupStatus]:
    """Return the last status of every group of which the actor may see it."""
    return (
        GroupStatus.objects.filter(group__in=_granted(_listed(actor), actor, _STATUSES))
        .select_related("group")
        .order_by("group_id")
    )


def last_statuses(groups: Sequence[DerGroup]) -> dict[int, GroupStatus]:
    """Return {group key: last status} of groups the caller has found already."""
    rows = GroupStatus.objects.filter(group__in=[group.pk for group in groups])
    return {status.group_id: status for status in rows}


def find_status(group: DerGroup) -> GroupStatus | None:
    """Return the last status of a group; None before its first tick."""
    return GroupStatus.objects.filter(group=group).select_related("group").first()


_NOT_IN_ROW = {"group"}


def status_row(status: GroupStatus) -> dict[str, Any]:
    """Return a status as the REST door and browsers get it: the group's mRID and every field."""
    fields = (f.name for f in GroupStatus._meta.fields if f.name not in _NOT_IN_ROW)
    return {"mrid": status.group.mrid} | {name: getattr(status, name) for name in fields}


def visible_mrids(actor: Actor) -> frozenset[str]:
    """Return the mRIDs of the groups an actor may see."""
    return frozenset(_visible(actor).values_list("mrid", flat=True))


def trend(
    group_pk: int, *, start_at: dt.datetime, end_at: dt.datetime, limit: int = 2000
) -> list[GroupStatusSample]:
    """Return at most `limit` samples in [start_at, end_at), evenly thinned, oldest first."""
    samples = GroupStatusSample.objects.filter(
        group_id=group_pk, at__gte=start_at, at__lt=end_at
    ).order_by("at")
    step = max(1, -(-samples.count() // limit))
    return list(samples)[::step]


@dataclass(frozen=True, slots=True)
class Told:
    """What a party told of its group, and whether it still counts.

    Attributes:
        party: Name of the organisation.
        received_at: When we heard it.
        at: When it was so, by the party's clock.
        stale: True when it is older than TOLD_STALE_AFTER_S.
        state: The party's word; may be empty.
        reason: The party's reason; may be empty.
        values: {DERParameterKind: {nominal, high, low, installed_max, installed_min, at}}, SI.
    """

    party: str
    received_at: dt.datetime
    at: dt.datetime
    stale: bool
    state: str
    reason: str
    values: dict[str, dict[str, Any]]


def party_of(group: DerGroup) -> str | None:
    """Return the name of the party that told us of a group; None for our own groups."""
    return group.owner.name if group.announced_by else None


def told_statuses(groups: Sequence[DerGroup]) -> dict[int, Told]:
    """Return {group key: what its party told last} of those groups that have been told of."""
    parties = {group.pk: group.owner.name for group in groups if group.announced_by}
    now = clock.now()
    return {
        row.group_id: Told(
            party=parties[row.group_id],
            received_at=row.received_at,
            at=row.at,
            stale=is_old(row.at, row.received_at, now, settings.TOLD_STALE_AFTER_S),
            state=row.state,
            reason=row.reason,
            values=row.values,
        )
        for row in ToldStatus.objects.filter(group__in=list(parties))
    }


def find_told(group: DerGroup) -> Told | None:
    """Return what the party of a group told last; None for our groups and before the first."""
    return told_statuses([group]).get(group.pk)


def told_members(group_pks: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """Return {group key: [(mRID, name)]} of members that are no devices of ours, by mRID."""
    found: dict[int, list[tuple[str, str]]] = {}
    rows = ToldMember.objects.filter(group__in=group_pks).order_by("group_id", "mrid", "name")
    for key, mrid, name in rows.values_list("group_id", "mrid", "name"):
        found.setdefault(key, []).append((mrid, name))
    return found


def require_commandable(group: DerGroup) -> None:
    """Refuse to command a group in which nothing is ours to command.

    Raises:
        RuleViolationError: another party's group without a device of ours (CIM 6.1).
    """
    if group.announced_by and not group.member_count:
        raise RuleViolationError(
            f"This DERGroup belongs to {group.owner.name} and has no device of ours; ask its party",
            code="not_own_group", object_type="DERGroup", id_kind="uuid", id=group.mrid,
        )  # fmt: skip
