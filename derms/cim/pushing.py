"""Push: tell partners what they have subscribed to.

For the `cim` modules of the rooms above. A push is rows in the transaction that caused it; the
delivery of these rows is in `derms.cim.push`. Source: IEC 61968-5 figures 8, 9, 10, 13 and 17
(notifications); IEC 61968-100 event messages.
"""

import functools
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from derms.accounts.rules.grants import granted_groups
from derms.accounts.scopes import SANDBOX_MRID, visible_organisations
from derms.accounts.selectors import actor_of_client
from derms.cim import operations, soap
from derms.cim.choices import PushState
from derms.cim.envelope import render_event
from derms.cim.models import OutboundMessage, Partner, Subscription
from derms.cim.push import wake
from derms.core import clock, correlation
from derms.core.actors import Actor
from derms.core.ids import new_mrid

__all__ = ["Event", "Subscription", "backlogged", "is_wanted", "push", "push_to", "subscribers"]

_OPERATION_SETS = {"OperationSet": "DERGroups"}
"""Sets of operations go to those who subscribed to the noun they operate on."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something partners are told.

    Attributes:
        noun: Noun of the message's Header, e.g. `DERGroups`, `EndDeviceEvents`.
        verb: `created`, `changed`, `deleted` or `executed`.
        payload: XML that goes into the Payload element.
        groups: mRIDs of the groups it is about: they decide who wants it, and messages about
            the same group arrive in the order of their pushes. Without any, only subscribers to
            all groups want it.
        correlation_id: CorrelationID of the header, where the event answers a request.
        owners: mRIDs of the organisations whose objects it is about. A partner that sees only
            its own organisation's objects gets it only when that is among them; one that sees
            all does not hear of the sandbox.
        origin: mRID of the API client that caused it and therefore is not told.
        within: mRIDs of groups each of which has all the devices it tells of, where it is about no
            group: a partner that may get something of one of them may get this.
    """

    noun: str
    verb: str
    payload: str
    groups: tuple[str, ...] = ()
    correlation_id: str = ""
    owners: tuple[str, ...] = ()
    origin: str = ""
    within: tuple[str, ...] = ()


def push(event: Event) -> int:
    """Write one message for every partner that subscribed to the event.

    Writes in the current transaction; the delivery is asked for on commit. A partner with several
    fitting subscriptions gets one message.

    Returns:
        Number of partners that will be told.
    """
    wanting: dict[int, Subscription] = {}
    for subscription in subscribers(event.noun):
        if _wants(subscription, event):
            wanting.setdefault(subscription.partner_id, subscription)
    return push_to(wanting.values(), event)


def push_to(subscriptions: Iterable[Subscription], event: Event) -> int:
    """Write one message for each subscription, whatever it says; returns how many."""
    rows = [_row(subscription, event) for subscription in subscriptions]
    OutboundMessage.objects.bulk_create(rows)
    for partner_id in {row.partner_id for row in rows}:
        transaction.on_commit(functools.partial(wake.ask, partner_id))
    return len(rows)


def _row(subscription: Subscription, event: Event) -> OutboundMessage:
    message_id = new_mrid()
    operation = operations.find(event.noun, event.verb)
    message = render_event(operation, event.payload, message_id, event.correlation_id[:128])
    return OutboundMessage(
        partner_id=subscription.partner_id,
        subscription=subscription,
        noun=event.noun,
        verb=event.verb,
        groups=list(event.groups),
        message_id=message_id,
        correlation_id=event.correlation_id[:128],
        request_correlation_id=correlation.current()[:64],
        body=zlib.compress(soap.wrap(message), level=1),
        created_at=clock.now(),
    )


def push_reply(
    partner: Partner, *, address: str, noun: str, message: bytes, message_id: str, follows: str
) -> None:
    """Write the reply to an asynchronous request, in the current transaction.

    Args:
        partner: Who asked.
        address: ReplyAddress of the request, one that is registered for the partner.
        noun: Noun of the reply.
        message: The ResponseMessage in its SOAP envelope.
        message_id: Its MessageID.
        follows: Its CorrelationID.
    """
    OutboundMessage.objects.create(
        partner=partner,
        noun=noun,
        verb="reply",
        address=address,
        message_id=message_id,
        correlation_id=follows[:128],
        request_correlation_id=correlation.current()[:64],
        body=zlib.compress(message, level=1),
        created_at=clock.now(),
    )
    transaction.on_commit(functools.partial(wake.ask, partner.pk))


def subscribers(noun: str) -> list[Subscription]:
    """Return the active subscriptions to a noun of partners that are switched on."""
    return list(
        Subscription.objects.filter(
            noun=_OPERATION_SETS.get(noun, noun),
            active=True,
            partner__enabled=True,
            partner__client__is_active=True,
            partner__client__organisation__is_active=True,
        )
        .select_related("partner__client__organisation")
        .order_by("id")
    )


def is_wanted(noun: str) -> bool:
    """Tell whether anybody subscribed to a noun: saves rendering what nobody reads."""
    return bool(subscribers(noun))


def backlogged(subscription_ids: Iterable[int]) -> set[int]:
    """Return those of the subscriptions that have a message still to be delivered.

    For nouns that tell a state: while one message waits, a further one would only be older when
    its turn comes.
    """
    waiting = OutboundMessage.objects.filter(
        subscription__in=list(subscription_ids), state=PushState.WAITING
    )
    return set(waiting.values_list("subscription", flat=True).distinct())


def _is_granted(actor: Actor, event: Event) -> bool:
    """Say whether a partner may get all that an event tells, whoever it was written for."""
    granted = granted_groups(actor, _OPERATION_SETS.get(event.noun, event.noun), "get")
    if granted is None:
        return True
    if event.groups:
        return granted.issuperset(event.groups)
    return not granted.isdisjoint(event.within)


def _wants(subscription: Subscription, event: Event) -> bool:
    if not subscription.on_change:
        return False
    client = subscription.partner.client
    if client.mrid == event.origin:
        return False
    actor = actor_of_client(client, source="push")
    visible = visible_organisations(actor)
    if visible is None and SANDBOX_MRID in event.owners:
        return False
    if visible is not None and visible.isdisjoint(event.owners):
        return False
    if not _is_granted(actor, event):
        return False
    return not subscription.groups or not set(subscription.groups).isdisjoint(event.groups)
