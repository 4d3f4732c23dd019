"""Asynchronous requests: acknowledged with 0.3 at once, kept, carried out by a task.

For the exchange. The reply goes to the ReplyAddress, which must be registered for the client:
whoever can send us a request may not make us call any address. `background.py` carries out.
Source: IEC 61968-100 Header (AsyncReplyFlag, ReplyAddress); section 4 of
docs/standards/61968-5.md.
"""

import contextlib
import functools
import zlib

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from lxml import etree

from derms.cim.envelope import Outcome, ReplyError
from derms.cim.models import DeferredRequest
from derms.cim.operations import Operation
from derms.cim.push.selectors import find_partner_of_client
from derms.cim.registry import Call, Profile
from derms.core import clock, correlation
from derms.core.errors import BusyError, ForbiddenError, InvalidInputError

TASK = "derms.cim.tasks.carry_out_deferred"
MAX_WAITING = 1000
"""Requests of one client that wait to be carried out."""


def instead_of(profile: Profile) -> Profile:
    """Return a profile that keeps the request of `profile` for later and acknowledges it."""
    return Profile(profile.operation, functools.partial(_keep, profile.operation))


def _keep(operation: Operation, call: Call) -> Outcome:
    """Store a checked request in the current transaction: the whole Request or Payload.

    Raises:
        InvalidInputError: no ReplyAddress (1.5).
        ForbiddenError: the address is not registered for the client (7.7).
        BusyError: too many wait already (3.2).
    """
    header, actor = call.header, call.actor
    if not header.reply_address:
        raise InvalidInputError("AsyncReplyFlag needs a ReplyAddress", cim_code="1.5")
    partner = find_partner_of_client(actor.mrid)
    if partner is None or header.reply_address not in partner.reply_addresses:
        raise ForbiddenError(
            f"ReplyAddress {header.reply_address[:200]} is not registered for {actor.name}",
            code="reply_address",
            cim_code="7.7",
        )
    if DeferredRequest.objects.filter(partner=partner).count() >= MAX_WAITING:
        raise BusyError("Too many requests of yours wait to be carried out", cim_code="3.2")
    row = DeferredRequest.objects.create(
        partner=partner,
        operation=operation.name,
        content=zlib.compress(etree.tostring(call.part, with_tail=False), level=1),
        message_id=header.message_id,
        correlation_id=header.correlation_id,
        reply_address=header.reply_address,
        address=actor.address,
        request_correlation_id=correlation.current()[:64],
        received_at=clock.now(),
    )
    transaction.on_commit(functools.partial(wake, row.mrid))
    return Outcome(notes=(ReplyError("0.3", f"The reply goes to {header.reply_address}"),))


def wake(mrid: str) -> None:
    """Have a request carried out; the sweep of every second covers a lost wake."""
    with contextlib.suppress(OperationalError):
        current_app.send_task(TASK, args=(mrid,), queue="core", expires=30)
