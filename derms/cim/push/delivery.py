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
4. Partners that take long share half of the threads among them (`share.py`), so that any number of
   them delays no other.
5. After PUSH_MAX_ATTEMPTS tries a message is parked, with an alarm, and the next one has its turn.
"""

import datetime as dt
import logging
import time
import uuid
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from derms.cim.models import OutboundMessage, Partner
from derms.cim.push import routing, settling, share, wake, wire
from derms.cim.push.settling import Tried
from derms.cim.push.verdict import Kind, Verdict, judge
from derms.core import clock, failpoints
from derms.core.errors import DermsError

PARALLEL = 4
LEASE = dt.timedelta(seconds=6)
_RENEW_S = 1.5
_STINT_S = 5.0
"""After this time the partner is left to the next task: threads are shared by all partners."""
WINDOW = 500
"""Waiting messages read at a time; further ones only as far as they wait behind none of these."""
_PLAN_S = 0.5
_log = logging.getLogger(__name__)


def deliver(partner_id: int) -> int:
    """Send what waits for a partner and may go; returns how many tries were made.

    Args:
        partner_id: Key of the partner; nothing happens when it is gone, switched off, on hold or
            another worker's.
    """
    wake.forget(partner_id)
    failing = Partner.objects.filter(pk=partner_id, failures__gt=0).exists()
    with share.of(partner_id, failing=failing) as has_thread:
        return _deliver(partner_id) if has_thread else 0


def _deliver(partner_id: int) -> int:
    token = uuid.uuid4()
    now = clock.now()
    taken = _reachable(now).filter(pk=partner_id).update(lease_token=token, lease_until=now + LEASE)
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
    """Ask for the delivery to every partner that has something due; returns how many.

    In no order, so that slow ones get their share of the threads in turn.
    """
    now = clock.now()
    due = OutboundMessage.objects.filter(partner=OuterRef("pk"), state="waiting").filter(
        Q(not_before__isnull=True) | Q(not_before__lte=now)
    )
    found = list(_reachable(now).filter(Exists(due)).order_by("?").values_list("pk", flat=True))
    for partner_id in found:
        wake.ask(partner_id)
    return len(found)


def _reachable(now: dt.datetime) -> QuerySet[Partner]:
    return Partner.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        Q(not_before__isnull=True) | Q(not_before__lte=now),
        enabled=True,
        client__is_active=True,
        client__organisation__is_active=True,
    )


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A message that waits; one that shares a lane with an older one waits for that one."""

    pk: int
    lanes: list[str]
    not_before: dt.datetime | None

    def is_due(self, now: dt.datetime) -> bool:
        return self.not_before is None or self.not_before <= now


def _lanes(groups: list[str], address: str) -> list[str]:
    """Return what keeps messages in order: their groups; without any, their address."""
    return groups or [address]


def _page(
    waiting: QuerySet[OutboundMessage], after: int, blocked: Collection[str]
) -> list[_Waiting]:
    """Return the oldest waiting messages with a key above `after` and outside these lanes."""
    rows = waiting.filter(pk__gt=after)
    if blocked:
        rows = rows.exclude(groups__overlap=list(blocked))
    values = rows.order_by("id").values_list("pk", "groups", "address", "not_before")
    return [
        _Waiting(pk, _lanes(groups, address), not_before)
        for pk, groups, address, not_before in values[:WINDOW]
    ]


class _Run:
    """One worker's hold on one partner."""

    def __init__(self, partner_id: int, token: uuid.UUID) -> None:
        self._partner = Partner.objects.select_related("client").get(pk=partner_id)
        self._token = token
        self._renewed = time.monotonic()
        self._ends = time.monotonic() + _STINT_S
        self._flying: dict[Future[Tried | None], OutboundMessage] = {}
        self._plan: list[_Waiting] = []
        self._plan_ends = 0.0
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
                    self._settle(self._flying.pop(future), future.result())

    def _settle(self, message: OutboundMessage, tried: Tried | None) -> None:
        if tried is None:
            self._lost = True
            return
        share.note(self._partner.pk, tried.taken_s)
        settling.settle(self._partner, message, tried)
        if tried.verdict.kind is not Kind.DELIVERED:
            self._plan_ends = 0.0

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
            self._flying[threads.submit(self._attempt, message)] = message

    def _attempt(self, message: OutboundMessage) -> Tried | None:
        """Send one message once; None when this worker has been frozen for longer than its lease.

        Then another one has the partner and may have sent what follows.
        """
        if time.monotonic() - self._renewed > LEASE.total_seconds():
            return None
        return attempt(self._partner, message)

    def _next(self, count: int) -> list[OutboundMessage]:
        """Return up to `count` messages that are due and the oldest of each of their groups."""
        waiting = OutboundMessage.objects.filter(partner=self._partner, state="waiting")
        for is_fresh in (time.monotonic() > self._plan_ends, True):
            if is_fresh:
                self._plan = _page(waiting, 0, ())
                self._plan_ends = time.monotonic() + _PLAN_S
            chosen = self._choose(waiting, count)
            found = list(waiting.filter(pk__in=chosen).order_by("id")) if chosen else []
            if found or is_fresh:
                return found
        return []

    def _choose(self, waiting: QuerySet[OutboundMessage], count: int) -> list[int]:
        """Take the keys of up to `count` messages out of the plan, reading on where it ends."""
        now, chosen = clock.now(), list[int]()
        blocked: set[str] = set()
        for message in self._flying.values():
            blocked.update(_lanes(message.groups, message.address))
        page = self._plan
        while page:
            for row in page:
                if row.is_due(now) and blocked.isdisjoint(row.lanes) and len(chosen) < count:
                    chosen.append(row.pk)
                blocked.update(row.lanes)
            is_last = len(page) < WINDOW or len(chosen) == count
            page = [] if is_last else _page(waiting, page[-1].pk, blocked)
            self._plan = self._plan + page
        taken = {*chosen, *(message.pk for message in self._flying.values())}
        self._plan = [row for row in self._plan if row.pk not in taken]
        return chosen

    def _keep_lease(self) -> None:
        if time.monotonic() - self._renewed < _RENEW_S:
            return
        until = clock.now() + LEASE
        mine = Partner.objects.filter(pk=self._partner.pk, lease_token=self._token, enabled=True)
        if not mine.update(lease_until=until):
            _log.warning("partner %s was taken over or switched off", self._partner.name)
            self._lost = True
        self._renewed = time.monotonic()


def attempt(partner: Partner, message: OutboundMessage) -> Tried:
    """Send one message once. Runs in a thread of its own and touches no table.

    Never raises: whatever goes wrong is a verdict.
    """
    tried_at, started = clock.now(), time.monotonic()
    try:
        post, messages = routing.post_of(partner, message)
    except DermsError as error:
        return Tried(tried_at, Verdict(Kind.AWAY, details=error.message))
    failpoints.pass_through("push.sending")
    try:
        answer = wire.send(post, wire.pool(partner.pk))
    except wire.AwayError as error:
        taken_s = time.monotonic() - started
        return Tried(tried_at, Verdict(Kind.AWAY, details=str(error)), taken_s=taken_s)
    failpoints.pass_through("push.answered")
    taken_s = time.monotonic() - started
    return Tried(tried_at, judge(answer, messages), answer, taken_s)


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
