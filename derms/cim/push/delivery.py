"""Deliver what waits for one partner: in order, several groups at once, at least once.

For the tasks of this room.

1. One worker at a time holds a partner, by a short lease that it renews; a dead worker's partner
   goes to another one when the lease is over, and what it had on the wire is sent again with the
   same MessageID.
2. The oldest waiting message of each group may go; a message about several groups waits for all
   of them. Up to PARALLEL are on the wire at once.
3. No answer puts the whole partner on hold with back-off, and one message alone feels its way; an
   answer that may change (a fault, FAILED 5.1) puts back that message and what follows it in its
   groups; a last word (FAILED 6.1) parks the message at once.
4. After PUSH_MAX_ATTEMPTS tries a message is parked, with an alarm, and the next one has its turn.
"""

import datetime as dt
import logging
import time
import uuid
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.db.models import Exists, OuterRef, Q, QuerySet

from derms.cim.models import OutboundMessage, Partner
from derms.cim.push import routing, settling, wake, wire
from derms.cim.push.settling import Tried
from derms.cim.push.verdict import Kind, Verdict, judge
from derms.core import clock, failpoints
from derms.core.errors import DermsError

PARALLEL = 4
_LEASE = dt.timedelta(seconds=6)
_RENEW_S = 1.5
_STINT_S = 5.0
"""After this time the partner is left to the next task: threads are shared by all partners."""
_WINDOW = 500
"""Waiting messages looked at; more than these wait behind their groups anyway."""
_log = logging.getLogger(__name__)


def deliver(partner_id: int) -> int:
    """Send what waits for a partner and may go; returns how many tries were made.

    Args:
        partner_id: Key of the partner; nothing happens when it is gone, switched off, on hold or
            another worker's.
    """
    wake.forget(partner_id)
    token = uuid.uuid4()
    now = clock.now()
    taken = (
        _reachable(now).filter(pk=partner_id).update(lease_token=token, lease_until=now + _LEASE)
    )
    if not taken:
        return 0
    run = _Run(partner_id, token)
    try:
        run.work()
    finally:
        Partner.objects.filter(pk=partner_id, lease_token=token).update(lease_until=None)
    if run.cut_short:
        wake.ask(partner_id)
    return run.tries


def sweep() -> int:
    """Ask for the delivery to every partner that has something due; returns how many."""
    now = clock.now()
    due = OutboundMessage.objects.filter(partner=OuterRef("pk"), state="waiting").filter(
        Q(not_before__isnull=True) | Q(not_before__lte=now)
    )
    found = list(_reachable(now).filter(Exists(due)).values_list("pk", flat=True))
    for partner_id in found:
        wake.ask(partner_id)
    return len(found)


def _reachable(now: dt.datetime) -> QuerySet[Partner]:
    return Partner.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(not_before__isnull=True) | Q(not_before__lte=now),
        enabled=True,
    )


class _Run:
    """One worker's hold on one partner."""

    def __init__(self, partner_id: int, token: uuid.UUID) -> None:
        self._partner = Partner.objects.select_related("client").get(pk=partner_id)
        self._token = token
        self._renewed = time.monotonic()
        self._ends = time.monotonic() + _STINT_S
        self._flying: dict[Future[Tried], OutboundMessage] = {}
        self._lost = False
        self.tries = 0
        self.cut_short = False

    def work(self) -> None:
        """Send until nothing may go, the partner is away, or the stint is over."""
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="push") as threads:
            while not self._lost:
                self._send_more(threads)
                if not self._flying:
                    return
                done, _ = wait(self._flying, timeout=_RENEW_S, return_when=FIRST_COMPLETED)
                self._keep_lease()
                for future in done:
                    message = self._flying.pop(future)
                    settling.settle(self._partner, message, future.result())

    def _send_more(self, threads: ThreadPoolExecutor) -> None:
        if self._partner.not_before is not None and self._partner.not_before > clock.now():
            return
        # Nobody knows whether anybody is there: one message finds out, not four.
        free = (1 if self._partner.failures else PARALLEL) - len(self._flying)
        if free <= 0:
            return
        if time.monotonic() > self._ends:
            self.cut_short = True
            return
        for message in self._next(free):
            self.tries += 1
            self._flying[threads.submit(attempt, self._partner, message)] = message

    def _next(self, count: int) -> list[OutboundMessage]:
        """Return up to `count` messages that are due and the oldest of each of their groups."""
        now = clock.now()
        flying = {message.pk for message in self._flying.values()}
        waiting = OutboundMessage.objects.filter(partner=self._partner, state="waiting")
        blocked: set[str] = set()
        chosen: list[int] = []
        for message in self._flying.values():
            blocked.update(message.groups or [message.address])
        rows = waiting.order_by("id").values_list("pk", "groups", "address", "not_before")
        for pk, groups, address, not_before in rows[:_WINDOW]:
            # Without a group: one after the other for each address.
            lanes = groups or [address]
            due = not_before is None or not_before <= now
            if pk not in flying and due and blocked.isdisjoint(lanes):
                chosen.append(pk)
                if len(chosen) == count:
                    break
            blocked.update(lanes)
        return list(waiting.filter(pk__in=chosen).order_by("id")) if chosen else []

    def _keep_lease(self) -> None:
        if time.monotonic() - self._renewed < _RENEW_S:
            return
        until = clock.now() + _LEASE
        mine = Partner.objects.filter(pk=self._partner.pk, lease_token=self._token, enabled=True)
        if not mine.update(lease_until=until):
            _log.warning("partner %s was taken over or switched off", self._partner.name)
            self._lost = True
        self._renewed = time.monotonic()


def attempt(partner: Partner, message: OutboundMessage) -> Tried:
    """Send one message once. Runs in a thread of its own and touches no table.

    Never raises: whatever goes wrong is a verdict.
    """
    tried_at = clock.now()
    try:
        post, messages = routing.post_of(partner, message)
    except DermsError as error:
        return Tried(tried_at, Verdict(Kind.AWAY, details=error.message))
    failpoints.pass_through("push.sending")
    try:
        answer = wire.send(post, wire.pool(partner.pk))
    except wire.AwayError as error:
        return Tried(tried_at, Verdict(Kind.AWAY, details=str(error)))
    failpoints.pass_through("push.answered")
    return Tried(tried_at, judge(answer, messages), answer)


def count_waiting(subscription_id: int) -> int:
    """Return how many messages of a subscription are still to be delivered."""
    return OutboundMessage.objects.filter(subscription=subscription_id, state="waiting").count()


def forget_finished(*, older_than: dt.timedelta) -> int:
    """Delete rows of messages over longer ago than that; their exchange stays in the log."""
    horizon = clock.now() - older_than
    count, _ = OutboundMessage.objects.filter(
        state__in=("delivered", "discarded"), finished_at__lt=horizon
    ).delete()
    return count
