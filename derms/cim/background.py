"""Carry out what was acknowledged, and send the real reply to its ReplyAddress.

For the tasks of this room. A request is carried out in one transaction with its reply and its
own removal: a worker killed in between has done nothing, and the next one does it.
"""

import datetime as dt
import zlib

from django.db import transaction
from django.db.models import Q
from lxml import etree

from derms.accounts.permissions import has_permission
from derms.accounts.selectors import actor_of_client, get_client
from derms.cim import deferring, exchange, operations, registry, schema, soap
from derms.cim.envelope import Header, Outcome, render_reply
from derms.cim.models import DeferredRequest
from derms.cim.pushing import push_reply
from derms.cim.registry import Call, Profile
from derms.cim.services import Entry
from derms.core import clock, correlation, failpoints
from derms.core.actors import Actor
from derms.core.errors import ForbiddenError

MAX_ATTEMPTS = 5
_PAUSE = dt.timedelta(seconds=2)


def carry_out(mrid: str) -> bool:
    """Carry out one request; False when somebody else does, or it is done already."""
    with transaction.atomic():
        row = (
            DeferredRequest.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("partner")
            .filter(_due(), mrid=mrid)
            .first()
        )
        if row is None:
            return False
        correlation.bind(row.request_correlation_id or None)
        client = get_client(row.partner.client.mrid)
        actor = actor_of_client(client, source="cim", address=row.address)
        profile, call = _reread(row, actor)
        outcome = exchange.guarded(lambda: _once(profile, call, active=client.is_active))
        if not outcome.final and row.attempts + 1 < MAX_ATTEMPTS:
            row.attempts += 1
            row.not_before = clock.now() + _PAUSE
            row.save(update_fields=["attempts", "not_before"])
            return False
        _reply(row, profile, call, outcome)
        failpoints.pass_through("cim.deferred_replied")
        row.delete()
    entry = Entry(actor, profile.operation.path, b"", message_id=row.message_id)
    exchange.audit_refusal(profile.operation, entry, outcome)
    return True


def sweep() -> int:
    """Have everything carried out that waits; returns how many."""
    waiting = list(DeferredRequest.objects.filter(_due()).values_list("mrid", flat=True)[:100])
    for mrid in waiting:
        deferring.wake(mrid)
    return len(waiting)


def _due() -> Q:
    return Q(not_before__isnull=True) | Q(not_before__lte=clock.now())


def _reread(row: DeferredRequest, actor: Actor) -> tuple[Profile, Call]:
    operation = operations.get(row.operation)
    profile = registry.service_at(operation.path)[operation.root]
    part = etree.fromstring(zlib.decompress(row.content), schema.parser())
    content = next(part.iterchildren(operation.content))
    header = Header(
        operation.verb,
        operation.messages.header_noun,
        row.message_id,
        row.correlation_id,
        wants_async=True,
        reply_address=row.reply_address,
    )
    return profile, Call(content, header, actor)


def _once(profile: Profile, call: Call, *, active: bool) -> Outcome:
    """Run the profile in a savepoint, which keeps nothing of what may be tried again."""
    with transaction.atomic():
        if not active or not has_permission(call.actor, profile.operation.permission):
            raise ForbiddenError(f"{call.actor.name} may not do this any more")
        outcome = profile.handle(call)
        if not outcome.final:
            transaction.set_rollback(True)
        return outcome


def _reply(row: DeferredRequest, profile: Profile, call: Call, outcome: Outcome) -> None:
    messages = profile.operation.messages
    reply = render_reply(messages, call.header, outcome)
    push_reply(
        row.partner,
        address=row.reply_address,
        noun=messages.header_noun,
        message=soap.wrap(reply.xml),
        message_id=reply.message_id,
        follows=call.header.correlation_id or call.header.message_id,
    )
