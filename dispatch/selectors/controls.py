"""Connect and disconnect controls, and what became of each device."""

from typing import Any

from django.db.models import QuerySet

from derms.core.errors import NotFoundError
from dispatch.models import ControlledDevice, EndDeviceControl
from dispatch.rules.control_states import OPEN, TERMINAL

_FIELDS = (
    "mrid",
    "action",
    "group_mrids",
    "group_names",
    "target",
    "reason",
    "issuer_id",
    "issuer_tracking_id",
    "start_at",
    "duration_s",
    "state",
    "state_reason",
    "revision",
    "phase",
    "devices",
    "rated_w",
    "done",
    "failed",
    "unknown",
    "needs_release",
    "release_until",
    "decided_by",
    "decided_at",
    "requested_by",
    "requested_by_mrid",
    "source",
    "message_correlation_id",
    "created_at",
    "started_at",
    "end_at",
    "ended_at",
)


def list_controls(
    *,
    states: frozenset[str] | None = None,
    group_mrid: str = "",
    device_mrid: str = "",
    action: str = "",
) -> QuerySet[EndDeviceControl]:
    """Return controls, the newest first, narrowed by what is given.

    Args:
        states: Only these states; None = all.
        group_mrid: Only those of this group.
        device_mrid: Only those that touch this device.
        action: Only these: `connect` or `disconnect`.
    """
    rows = EndDeviceControl.objects.order_by("-id")
    if states is not None:
        rows = rows.filter(state__in=states)
    if group_mrid:
        rows = rows.filter(group_mrids__contains=[group_mrid])
    if device_mrid:
        touching = ControlledDevice.objects.filter(mrid=device_mrid).values("control")
        rows = rows.filter(pk__in=touching)
    return rows.filter(action=action) if action else rows


def list_recent_controls(*, ended: int = 100) -> list[EndDeviceControl]:
    """Return the open controls and the last ones that ended, the newest first."""
    rows = [*list_controls(states=frozenset(OPEN))]
    rows += list_controls(states=frozenset(TERMINAL))[:ended]
    return sorted(rows, key=lambda row: -row.pk)


def get_control(mrid: str) -> EndDeviceControl:
    """Return one control.

    Raises:
        NotFoundError: no such control.
    """
    row = EndDeviceControl.objects.filter(mrid=mrid).first()
    if row is None:
        raise NotFoundError(
            f"There is no control {mrid}.", code="unknown_control", mrid=mrid, cim_code="2.9"
        )
    return row


def control_row(row: EndDeviceControl) -> dict[str, Any]:
    """Return a control as browsers and live topics show it."""
    return {name: getattr(row, name) for name in _FIELDS}


def list_controlled_devices(
    row: EndDeviceControl, *, outcome: str = ""
) -> QuerySet[ControlledDevice]:
    """Return the devices of a control, phase by phase, narrowed by outcome if one is given."""
    devices = ControlledDevice.objects.filter(control=row).order_by("id")
    return devices.filter(outcome=outcome) if outcome else devices
