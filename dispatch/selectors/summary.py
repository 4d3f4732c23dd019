"""How dispatching goes as a whole, for the operations overview."""

from typing import Any

from django.db.models import Count, F, Q, Sum

from dispatch.choices import DispatchState, TrackingState
from dispatch.models import GroupDispatch
from groups.selectors import sandbox_mrids


def summary() -> dict[str, Any]:
    """Return counts of open dispatches, and measured minus target of the active ones [W].

    Those of the sandbox are left out.
    """
    active = Q(state=DispatchState.ACTIVE)
    open_ones = GroupDispatch.objects.filter(active | Q(state=DispatchState.SCHEDULED))
    row = open_ones.exclude(group_mrid__in=sandbox_mrids()).aggregate(
        active=Count("pk", filter=active),
        scheduled=Count("pk", filter=~active),
        shortfall=Count("pk", filter=active & Q(tracking=TrackingState.SHORTFALL)),
        error_w=Sum(
            F("measured_now") - F("target_now"), filter=active & Q(parameter="activePower")
        ),
    )
    return row | {"error_w": row["error_w"] or 0.0}
