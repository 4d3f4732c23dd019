"""How dispatching goes as a whole, for the operations overview."""

from typing import Any

from django.db.models import Count, F, Q, Sum

from dispatch.choices import DispatchState, TrackingState
from dispatch.models import GroupDispatch


def summary() -> dict[str, Any]:
    """Return counts of open dispatches, and measured minus target of the active ones [W]."""
    active = Q(state=DispatchState.ACTIVE)
    row = GroupDispatch.objects.filter(active | Q(state=DispatchState.SCHEDULED)).aggregate(
        active=Count("pk", filter=active),
        scheduled=Count("pk", filter=~active),
        shortfall=Count("pk", filter=active & Q(tracking=TrackingState.SHORTFALL)),
        error_w=Sum(
            F("measured_now") - F("target_now"), filter=active & Q(parameter="activePower")
        ),
    )
    return row | {"error_w": row["error_w"] or 0.0}
