"""Push by the clock: nouns that are told every so often, whether anything changed or not.

A room registers how to say a noun (`<room>/cim/push.py`); the task of every second asks it for
the subscriptions whose period is over. DERGroupStatuses have a faster way of their own, in the
worker that computes them (`groups/cim/push.py`).
"""

import datetime as dt
from collections.abc import Callable, Sequence

from django.db import transaction
from django.db.models import Q

from derms.accounts.selectors import actor_of_client
from derms.cim.models import Subscription
from derms.cim.pushing import Event, backlogged, push_to
from derms.core import clock
from derms.core.actors import Actor

Renderer = Callable[[Actor, Sequence[str]], Sequence[Event]]
"""From the client and the mRIDs of the groups (none = all it may see) to what it is told."""

_renderers: dict[str, Renderer] = {}


def register(noun: str, render: Renderer) -> None:
    """Say how a noun is told by period.

    Raises:
        ValueError: another way is registered.
    """
    if noun in _renderers:
        raise ValueError(f"{noun} is registered twice")
    _renderers[noun] = render


def push_due() -> int:
    """Push to every subscription whose period is over; returns how many were looked at.

    Each in a transaction of its own. A subscription whose last message still waits is told
    nothing more until that one is delivered.
    """
    now, done = clock.now(), 0
    while _push_next(now):
        done += 1
    return done


def _push_next(now: dt.datetime) -> bool:
    with transaction.atomic():
        subscription = (
            Subscription.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(Q(next_at__isnull=True) | Q(next_at__lte=now))
            .filter(
                noun__in=list(_renderers),
                period_s__isnull=False,
                active=True,
                partner__enabled=True,
                partner__client__is_active=True,
            )
            .select_related("partner__client__organisation")
            .order_by("next_at", "id")
            .first()
        )
        if subscription is None:
            return False
        period = dt.timedelta(seconds=subscription.period_s or 0)
        # From the plan, not from now, so that the period does not drift; late ones are skipped.
        following = (subscription.next_at or now) + period
        subscription.next_at = following if following > now else now + period
        subscription.save(update_fields=["next_at"])
        if not backlogged([subscription.pk]):
            actor = actor_of_client(subscription.partner.client, source="push")
            for event in _renderers[subscription.noun](actor, subscription.groups):
                push_to([subscription], event)
    return True
