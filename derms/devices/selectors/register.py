"""Reads of the device register: one device, lists, keys of many mRIDs, who may be dispatched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from derms.accounts.scopes import SANDBOX_MRID
from derms.core import bulk
from derms.core.errors import NotFoundError
from derms.devices.choices import LifecycleState
from derms.devices.models import EndDevice

Scope = set[str] | frozenset[str] | None
"""mRIDs of the organisations whose devices the caller may see; None = all."""
# One joined text instead of an array: a tenth of the cost of sending 10,000 of them. An mRID
# that holds the separator finds nothing, because results are looked up by the whole mRID.
_BY_MRID = """SELECT d.mrid, d.id FROM devices_enddevice d
    WHERE d.mrid = ANY(string_to_array(%(mrids)s, chr(31)))"""


def list_devices(*, visible: Scope = None) -> QuerySet[EndDevice]:
    """Return the devices of the organisations `visible`, with what a row shows."""
    devices = EndDevice.objects.select_related(
        "owner", "usage_point__feeder", "usage_point__transformer", "nameplate"
    ).order_by("id")
    return devices if visible is None else devices.filter(owner__mrid__in=visible)


def without_sandbox(devices: QuerySet[EndDevice]) -> QuerySet[EndDevice]:
    """Leave the devices of the sandbox out, as lists of the live utility do."""
    return devices.exclude(owner__mrid=SANDBOX_MRID)


def filter_devices(
    devices: QuerySet[EndDevice],
    *,
    text: str = "",
    kinds: Sequence[str] = (),
    states: Sequence[str] = (),
    eligible: bool | None = None,
    feeder: str = "",
    owner: str = "",
) -> QuerySet[EndDevice]:
    """Keep the devices that match everything given.

    Args:
        devices: As from `list_devices`.
        text: Part of a name, further name or address, or the start of an mRID.
        kinds: Any of these `DeviceKind`s.
        states: Any of these `LifecycleState`s.
        eligible: May, or may not, be dispatched.
        feeder: Name of the feeder.
        owner: mRID or name of the organisation.
    """
    if text:
        named = EndDevice.objects.filter(names__name__icontains=text).values("pk")
        devices = devices.filter(
            Q(name__icontains=text)
            | Q(mrid__istartswith=text)
            | Q(address__icontains=text)
            | Q(pk__in=named)
        )
    if kinds:
        devices = devices.filter(kind__in=kinds)
    if states:
        devices = devices.filter(lifecycle_state__in=states)
    if eligible is not None:
        devices = devices.filter(eligible=eligible)
    if feeder:
        devices = devices.filter(usage_point__feeder__name=feeder)
    if owner:
        devices = devices.filter(Q(owner__mrid=owner) | Q(owner__name=owner))
    return devices


def get_device(mrid: str, *, visible: Scope = None) -> EndDevice:
    """Return one device.

    Raises:
        NotFoundError: no such device, or not one of the organisations `visible`.
    """
    try:
        devices = list_devices(visible=visible).select_related("settings", "status")
        return devices.prefetch_related("names").get(mrid=mrid)
    except EndDevice.DoesNotExist:
        raise NotFoundError(
            f"There is no device {mrid}.", code="unknown_device", mrid=mrid
        ) from None


def visible_mrids(mrids: Sequence[str], *, visible: Scope) -> set[str]:
    """Return which of the devices belong to the organisations `visible`."""
    found = list_devices(visible=visible).order_by().filter(mrid__in=mrids)
    return set(found.values_list("mrid", flat=True))


def owned_ids(owner_mrid: str) -> NDArray[np.int32]:
    """Return the primary keys of the devices of one organisation, ascending."""
    found = EndDevice.objects.filter(owner__mrid=owner_mrid).order_by("id")
    return np.array(found.values_list("id", flat=True), dtype="int32")


def find_ids(mrids: Sequence[str], *, visible: Scope = None) -> NDArray[np.int32]:
    """Return the primary keys of devices by mRID [n]; -1 where there is no such device.

    Args:
        mrids: mRIDs [n].
        visible: Devices of other organisations count as unknown.
    """
    if visible is None:
        return _keys(mrids, _BY_MRID)
    sql = (
        _BY_MRID
        + """ AND d.owner_id IN
        (SELECT id FROM accounts_organisation WHERE mrid = ANY(%(visible)s::text[]))"""
    )
    return _keys(mrids, sql, visible=sorted(visible))


def find_dispatchable(mrids: Sequence[str], *, in_sandbox: bool) -> NDArray[np.int32]:
    """Return the primary keys of devices that may be members of groups, by mRID [n].

    All in one query, for the thousands of a new group; where one of them is -1, `find_ids` and
    `dispatchable` tell why.

    Args:
        mrids: mRIDs [n].
        in_sandbox: Of the sandbox's devices, instead of all others.
    """
    sql = (
        _BY_MRID
        + """ AND d.eligible AND d.lifecycle_state = 'registered'
        AND %(in_sandbox)s = (d.owner_id IS NOT DISTINCT FROM
            (SELECT id FROM accounts_organisation WHERE mrid = %(sandbox)s))"""
    )
    return _keys(mrids, sql, in_sandbox=in_sandbox, sandbox=SANDBOX_MRID)


def _keys(mrids: Sequence[str], sql: str, **parameters: Any) -> NDArray[np.int32]:
    wanted = list(mrids)
    if not wanted:
        return np.zeros(0, dtype="int32")
    rows = bulk.execute(sql, {"mrids": "\x1f".join(wanted), **parameters}).fetchall()
    known: dict[str, int] = dict(rows)
    return np.fromiter((known.get(mrid, -1) for mrid in wanted), dtype="int32", count=len(wanted))


@dataclass(frozen=True, slots=True)
class Dispatchable:
    """Which devices may be members of groups and be commanded.

    Attributes:
        allowed: True where it may [n].
        reasons: Why not, for people; empty where it may [n].
    """

    allowed: NDArray[np.bool_]
    reasons: list[str]


def dispatchable(ids: NDArray[Any]) -> Dispatchable:
    """Say which devices are registered and eligible, and why the others may not be commanded.

    Args:
        ids: Primary keys [n]; -1 or unknown keys are not allowed.
    """
    sql = """
        SELECT w.id, d.lifecycle_state, d.eligible, d.eligibility_reason
        FROM unnest(%(ids)s::int4[]) AS w(id) LEFT JOIN devices_enddevice d ON d.id = w.id
        WHERE d.id IS NULL OR NOT (d.eligible AND d.lifecycle_state = 'registered')
    """
    keys = np.asarray(ids, dtype="int32")
    refused = {row[0]: _reason(*row[1:]) for row in bulk.execute(sql, {"ids": keys}).fetchall()}
    reasons = [refused.get(key, "") for key in keys.tolist()]
    return Dispatchable(np.array([not reason for reason in reasons], dtype=bool), reasons)


def _reason(state: str | None, eligible: bool, why: str) -> str:  # noqa: FBT001 - a row of the table
    if state is None:
        return "There is no such device."
    if state != LifecycleState.REGISTERED:
        return f"The device is {state}, not registered."
    if not eligible:
        return f"The device is not eligible for dispatch: {why or 'no reason given'}."
    return ""
