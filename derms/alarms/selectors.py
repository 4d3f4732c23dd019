"""Reads of the alarm list."""

from typing import Any, Literal

from django.db.models import Count, Q, QuerySet

from derms.alarms.choices import Priority
from derms.alarms.models import Alarm
from derms.alarms.rules.states import state_of

Which = Literal["active", "unacknowledged", "open", "all"]
_WHICH = {
    "active": Q(cleared_at__isnull=True),
    "unacknowledged": Q(acknowledged_at__isnull=True),
    "open": Q(cleared_at__isnull=True) | Q(acknowledged_at__isnull=True),
    "all": Q(),
}
_FIELDS = (
    "mrid",
    "kind",
    "priority",
    "source_type",
    "source_mrid",
    "source_name",
    "condition",
    "response",
    "raised_at",
    "last_raised_at",
    "count",
    "acknowledged_at",
    "acknowledged_by",
    "cleared_at",
    "comment",
)


def list_active_sources(kind: str) -> set[str]:
    """Return the mRIDs of the sources where an alarm of this kind is active."""
    active = Alarm.objects.filter(kind=kind, cleared_at__isnull=True)
    return set(active.values_list("source_mrid", flat=True))


def list_alarms(*, which: Which = "open", priority: int | None = None) -> QuerySet[Alarm]:
    """Return alarms, newest first; `open` is what still needs an operator."""
    rows = Alarm.objects.filter(_WHICH[which]).order_by("-id")
    return rows if priority is None else rows.filter(priority=priority)


def list_rows(*, mrids: list[str] | None = None, limit: int = 500) -> list[dict[str, Any]]:
    """Return alarms as the browser sees them: those named, else the open ones, urgent first."""
    rows = Alarm.objects.filter(_WHICH["open"] if mrids is None else Q(mrid__in=mrids))
    return [row_of(alarm) for alarm in rows.order_by("priority", "-id")[:limit]]


def row_of(alarm: Alarm) -> dict[str, Any]:
    """Return one alarm as REST and the live topic show it."""
    row = {name: getattr(alarm, name) for name in _FIELDS}
    return row | {"state": state_of(alarm.acknowledged_at, alarm.cleared_at).value}


def count_open() -> dict[str, dict[str, int]]:
    """Return by priority ("1" to "4") how many alarms are active and how many unacknowledged."""
    counts = {str(p.value): {"active": 0, "unacknowledged": 0} for p in Priority}
    found = (
        Alarm.objects.filter(_WHICH["open"])
        .values("priority")
        .annotate(
            active=Count("pk", filter=_WHICH["active"]),
            unacknowledged=Count("pk", filter=_WHICH["unacknowledged"]),
        )
        .values_list("priority", "active", "unacknowledged")
    )
    for priority, active, unacknowledged in found:
        counts[str(priority)] = {"active": active, "unacknowledged": unacknowledged}
    return counts
