"""Reads of partners, subscriptions and deliveries: for the console and the services."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from derms.cim import operations
from derms.cim.models import CimMessage, OutboundMessage, Partner, Subscription
from derms.cim.selectors import shown_text
from derms.core.actors import Actor
from derms.core.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class DeliverySearch:
    """What to look for; empty fields do not restrict."""

    partner: str = ""
    state: str = ""
    noun: str = ""
    message_id: str = ""


def nouns() -> list[str]:
    """Return the nouns a partner can subscribe to."""
    return sorted({op.messages.noun for op in operations.OPERATIONS if op.is_event})


def services() -> list[str]:
    """Return the services of a partner that we call."""
    return sorted({op.service for op in operations.OPERATIONS if op.is_event})


def list_partners(*, retired: bool = True) -> QuerySet[Partner]:
    """Return partners with their client and how far delivery to them is behind.

    Adds `waiting`, `parked` (numbers of messages) and `oldest_waiting_at`.

    Args:
        retired: Those too whose API client has retired.
    """
    waiting, parked = _messages("waiting"), _messages("parked")
    partners = Partner.objects.select_related("client")
    if not retired:
        partners = partners.filter(client__retired_at__isnull=True)
    return partners.annotate(
        waiting=Coalesce(Subquery(_counted(waiting)), 0),
        parked=Coalesce(Subquery(_counted(parked)), 0),
        oldest_waiting_at=Subquery(waiting.order_by("id").values("created_at")[:1]),
    ).order_by("name")


def _messages(state: str) -> QuerySet[OutboundMessage]:
    """Return the messages in a state of the partner of an outer query; found by index."""
    return OutboundMessage.objects.filter(partner=OuterRef("pk"), state=state).order_by()


def _counted(messages: QuerySet[OutboundMessage]) -> QuerySet[Any, Any]:
    return messages.values("partner").annotate(count=Count("pk")).values("count")


def get_partner(mrid: str) -> Partner:
    """Return one partner as `list_partners` has it.

    Raises:
        NotFoundError: no such partner.
    """
    partner = list_partners().filter(mrid=mrid).first()
    if partner is None:
        raise NotFoundError(f"There is no partner {mrid}.")
    return partner


def find_partner_of_client(client_mrid: str) -> Partner | None:
    """Return the partner that an API client is; None when it is none."""
    return Partner.objects.filter(client__mrid=client_mrid, enabled=True).first()


def lock_partner(mrid: str) -> Partner:
    """Return one partner locked until the end of the transaction.

    Raises:
        NotFoundError: no such partner.
    """
    partner = Partner.objects.select_for_update().filter(mrid=mrid).first()
    if partner is None:
        raise NotFoundError(f"There is no partner {mrid}.")
    return partner


def list_subscriptions(partner: Partner) -> QuerySet[Subscription]:
    """Return the subscriptions of a partner, oldest first."""
    return Subscription.objects.filter(partner=partner).order_by("id")


def get_subscription(mrid: str, *, lock: bool = False) -> Subscription:
    """Return one subscription, locked if asked for.

    Raises:
        NotFoundError: no such subscription.
    """
    rows = Subscription.objects.select_for_update() if lock else Subscription.objects.all()
    subscription = rows.filter(mrid=mrid).first()
    if subscription is None:
        raise NotFoundError(f"There is no subscription {mrid}.")
    return subscription


def list_deliveries(search: DeliverySearch) -> QuerySet[OutboundMessage]:
    """Return the messages that match, without their bodies."""
    found = OutboundMessage.objects.defer("body").select_related("partner")
    if search.partner:
        found = found.filter(partner__mrid=search.partner)
    for field in ("state", "noun", "message_id"):
        wanted = getattr(search, field)
        if wanted:
            found = found.filter(**{field: wanted})
    return found


def get_delivery(mrid: str, *, lock: bool = False) -> OutboundMessage:
    """Return one message, locked if asked for.

    Raises:
        NotFoundError: no such message.
    """
    rows = OutboundMessage.objects.select_related("partner")
    if lock:
        rows = rows.select_for_update(of=("self",))
    message = rows.filter(mrid=mrid).first()
    if message is None:
        raise NotFoundError(f"There is no delivery {mrid}.")
    return message


def bodies(message: OutboundMessage, actor: Actor) -> tuple[str, str]:
    """Return a message and its last reply as this reader may see them; empty = not (yet) known."""
    logged = CimMessage.objects.filter(mrid=message.mrid).first()
    if logged is None:
        return shown_text(message.body, actor), ""
    return shown_text(logged.request_body, actor), shown_text(logged.reply_body, actor)
