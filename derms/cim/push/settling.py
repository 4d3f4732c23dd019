"""Write down how a try ended: state of the message, log, hold on the partner, alarm."""

import datetime as dt
import random
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from derms.accounts.choices import ClientStage
from derms.alarms.choices import Priority
from derms.alarms.services import clear_alarm, raise_alarm
from derms.cim import operations
from derms.cim.models import CimMessage, OutboundMessage, Partner
from derms.cim.push import metrics
from derms.cim.push.routing import address_of
from derms.cim.push.verdict import Kind, Verdict
from derms.cim.push.wire import Answered
from derms.cim.services import show_message
from derms.core import clock

_BACK_OFF_S = (1, 2, 4, 8, 15, 30, 60)
_ALARM = "push_parked"


@dataclass(frozen=True, slots=True)
class Tried:
    """One try: when it began, what it means, what came back, and how long that took [s]."""

    at: dt.datetime
    verdict: Verdict
    answer: Answered | None = None
    taken_s: float = 0.0


def settle(partner: Partner, message: OutboundMessage, tried: Tried) -> None:
    """Store the outcome of a try.

    Args:
        partner: Whom it was sent to; its hold and failures are brought up to date in place.
        message: What was sent. One that was discarded or settled meanwhile stays as it is.
        tried: How it went.
    """
    verdict = tried.verdict
    with transaction.atomic():
        _settle_message(message, tried)
        _log_exchange(partner, message, tried)
        _settle_partner(partner, message, verdict)
    metrics.DELIVERIES.labels(verdict.kind.value).inc()
    if verdict.kind is Kind.DELIVERED:
        metrics.DELAY.observe((clock.now() - message.created_at).total_seconds())


def _settle_message(message: OutboundMessage, tried: Tried) -> None:
    verdict = tried.verdict
    message.attempts += 1
    changes: dict[str, Any] = {
        "attempts": message.attempts,
        "last_tried_at": tried.at,
        "http_status": tried.answer.status if tried.answer else None,
        "result": verdict.result,
        "code": verdict.code[:10],
        "last_error": verdict.details[:500],
    }
    if verdict.kind is Kind.DELIVERED:
        changes |= {"state": "delivered", "finished_at": clock.now(), "body": b""}
    elif verdict.kind is Kind.FINAL or message.attempts >= settings.PUSH_MAX_ATTEMPTS:
        changes |= {"state": "parked"}
    else:
        changes |= {"not_before": clock.now() + back_off(message.attempts)}
    message.state = changes.get("state", message.state)
    OutboundMessage.objects.filter(pk=message.pk, state="waiting").update(**changes)


def _settle_partner(partner: Partner, message: OutboundMessage, verdict: Verdict) -> None:
    now = clock.now()
    if not message.address:  # a reply address says nothing about the partner's services
        away = verdict.kind is Kind.AWAY
        partner.failures = partner.failures + 1 if away else 0
        partner.not_before = now + back_off(partner.failures) if away else None
    if verdict.kind is Kind.DELIVERED:
        partner.last_delivered_at = now
        _clear_alarm(partner, message.noun)
    else:
        partner.last_failed_at, partner.last_error = now, verdict.details[:500]
    # The bench tells of what a partner in the sandbox refuses; operators have no use for it.
    if message.state == "parked" and partner.client.stage == ClientStage.LIVE:
        _raise_alarm(partner, message, verdict)
    partner.save(
        update_fields=[
            "failures",
            "not_before",
            "last_delivered_at",
            "last_failed_at",
            "last_error",
            "alarmed",
        ]
    )


def back_off(failures: int) -> dt.timedelta:
    """Return how long to wait after so many failures in a row: 1 s to a minute, give or take."""
    seconds = _BACK_OFF_S[min(failures, len(_BACK_OFF_S)) - 1]
    return dt.timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311 - no secret


def _raise_alarm(partner: Partner, message: OutboundMessage, verdict: Verdict) -> None:
    if message.noun not in partner.alarmed:
        partner.alarmed = [*partner.alarmed, message.noun]
    raise_alarm(
        kind=_ALARM,
        priority=Priority.HIGH,
        source_type="Partner",
        source_mrid=_source(partner, message.noun),
        source_name=partner.name,
        condition=f"{message.noun} {message.verb} did not reach {partner.name}: {verdict.details}",
        response="Mend the cause, then re-send the parked messages on the page Partners.",
    )


def _clear_alarm(partner: Partner, noun: str) -> None:
    if noun in partner.alarmed:
        partner.alarmed = [each for each in partner.alarmed if each != noun]
        clear_alarm(kind=_ALARM, source_type="Partner", source_mrid=_source(partner, noun))


def clear_alarms(partner: Partner) -> None:
    """Clear every alarm about a partner to which nothing is sent any more."""
    for noun in list(partner.alarmed):
        _clear_alarm(partner, noun)
    partner.save(update_fields=["alarmed"])


def _source(partner: Partner, noun: str) -> str:
    return f"{partner.mrid}:{noun}"


def _log_exchange(partner: Partner, message: OutboundMessage, tried: Tried) -> None:
    """Keep the last exchange of a message in the log, beside those that came in."""
    answer, verdict = tried.answer, tried.verdict
    url = message.address or address_of(partner, operations.find(message.noun, message.verb))
    parts = urlsplit(url)
    outcome = {
        "http_status": answer.status if answer else None,
        "duration_ms": answer.elapsed_ms if answer else None,
        "result": verdict.result,
        "code": verdict.code[:10],
        "details": verdict.details[:500],
        "reply_size": len(answer.body) if answer else 0,
        "reply_body": zlib.compress(answer.body, level=1) if answer else b"",
        "address": parts.netloc[:64],
        "path": parts.path[:120],
    }
    show_message(message.mrid)
    if CimMessage.objects.filter(mrid=message.mrid).update(**outcome):
        return
    CimMessage.objects.create(
        mrid=message.mrid,
        direction="out",
        client_id=partner.client.mrid,
        client_name=partner.client.client_id,
        verb=message.verb,
        noun=message.noun,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
        request_correlation_id=message.request_correlation_id,
        received_at=message.created_at,
        groups=message.groups,
        request_size=len(zlib.decompress(message.body)),
        request_body=message.body,
        **outcome,
    )
