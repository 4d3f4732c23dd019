"""Reads of groups: who they are, who was a member when, how they are now and were before."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from derms.accounts.scopes import visible_organisations
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError, NotFoundError
from derms.devices.choices import DeviceKind
from derms.devices.selectors import device_columns
from derms.devices.selectors.live import live_rows
from derms.grid.selectors import feeder_names
from groups.models import DerGroup, GroupStatus, GroupStatusSample
from groups.rules.definition import GroupKey, Name

Ids = NDArray[np.int32]
Group = DerGroup  # what doors, which may not import models, call the rows they get
Status = GroupStatus


def _visible(actor: Actor) -> QuerySet[DerGroup]:
    groups = DerGroup.objects.filter(deleted_at__isnull=True)
    organisations = visible_organisations(actor)
    return groups if organisations is None else groups.filter(owner__mrid__in=organisations)


def list_groups(*, actor: Actor) -> QuerySet[DerGroup]:
    """Return the live groups the actor may see, with owner, names and status joined."""
    groups = _visible(actor).select_related("owner", "status").prefetch_related("names")
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


def get_group(*, key: GroupKey, actor: Actor, lock: bool = False) -> DerGroup:
    """Return the live group a key points at.

    Args:
        key: mRID, names or both; both must denote the same group.
        actor: Who asks; a group outside the actor's scope does not exist for it.
        lock: Take the row lock for a change; needs a transaction.

    Raises:
        InvalidInputError: neither mRID nor name given (CIM 1.7), or they disagree (CIM 2.29).
        NotFoundError: no such group (CIM 99.1).
    """
    if not key:
        raise InvalidInputError("A group needs an mRID or a name", code="no_key", cim_code="1.7")
    condition = Q(mrid=key.mrid) if key.mrid else _named(key.names[0])
    group = _visible(actor).filter(condition).order_by("id").first()
    if group is None:
        raise unknown_group(key)
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


def is_group_key_taken(key: GroupKey) -> GroupKey | None:
    """Return the part of the key that a live group (or any mRID ever used) already holds."""
    if key.mrid and DerGroup.objects.filter(mrid=key.mrid).exists():
        return GroupKey(mrid=key.mrid)
    names = [name.name for name in key.names]
    live = DerGroup.objects.filter(deleted_at__isnull=True)
    for name in names:
        if live.filter(Q(name=name) | Q(names__name=name)).exists():
            return GroupKey(names=(Name(name),))
    return None


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


def groups_of_device(device_pk: int, *, actor: Actor) -> QuerySet[DerGroup]:
    """Return the live groups a device is a member of now."""
    return list_groups(actor=actor).filter(
        memberships__device_id=device_pk, memberships__period__upper_inf=True
    )


def revisions() -> dict[int, int]:
    """Return {group key: revision} of all live groups; a changed revision = changed members."""
    return dict(DerGroup.objects.filter(deleted_at__isnull=True).values_list("pk", "revision"))


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
    """Return the last status of every live group the actor may see."""
    return (
        GroupStatus.objects.filter(group__in=_visible(actor))
        .select_related("group")
        .order_by("group_id")
    )


def find_status(group: DerGroup) -> GroupStatus | None:
    """Return the last status of a group; None before its first tick."""
    return GroupStatus.objects.filter(group=group).select_related("group").first()


_NOT_IN_ROW = {"group"}


def status_row(status: GroupStatus) -> dict[str, Any]:
    """Return a status as the REST door and browsers get it: the group's mRID and every field."""
    fields = (f.name for f in GroupStatus._meta.fields if f.name not in _NOT_IN_ROW)
    return {"mrid": status.group.mrid} | {name: getattr(status, name) for name in fields}


def visible_mrids(actor: Actor) -> frozenset[str] | None:
    """Return the mRIDs of the groups an actor may see; None means all."""
    if visible_organisations(actor) is None:
        return None
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
