"""How traffic with each API client goes: rates, errors, latencies, clocks, over the last hours.

For the page Integration health and the console's counters. Replays in the sandbox do not count:
nobody sent them.
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Q

from derms.cim.models import CimMessage
from derms.core import clock

HOURS = 3
"""How far back counts, latencies and the curve go."""
BUCKET_S = 300
_NOW_S = 300
"""What counts as now for the rate."""
_REFUSALS = 12
_BAD = (
    "result NOT IN ('OK', '')"
    " OR (direction = 'out' AND coalesce(http_status, 0) NOT BETWEEN 200 AND 299)"
)
_TOTALS = f"""
SELECT client_name, direction, count(*), count(*) FILTER (WHERE {_BAD}),
    count(*) FILTER (WHERE received_at >= %(recent)s),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ms),
    percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY drift_s)
FROM cim_cimmessage WHERE received_at >= %(since)s AND replay_of = '' GROUP BY 1, 2
"""
_CURVES = """
SELECT client_name, direction,
    floor(extract(epoch FROM received_at - %(since)s) / %(bucket)s)::int AS bucket, count(*)
FROM cim_cimmessage WHERE received_at >= %(since)s AND received_at < %(until)s AND replay_of = ''
GROUP BY 1, 2, 3
"""
_ERRORS = f"""
SELECT DISTINCT ON (client_name, direction) client_name, direction, mrid, received_at,
    trim(result || ' ' || code || ' ' || details)
FROM cim_cimmessage WHERE received_at >= %(since)s AND replay_of = '' AND ({_BAD})
ORDER BY client_name, direction, received_at DESC
"""
_LAST = """
SELECT n, d, (SELECT received_at FROM cim_cimmessage WHERE client_name = n AND direction = d
    AND replay_of = '' ORDER BY received_at DESC LIMIT 1)
FROM unnest(%(names)s::text[]) n, unnest('{in,out}'::text[]) d
"""


@dataclass(slots=True)
class Traffic:
    """What went on with one client in one direction over the last HOURS.

    Attributes:
        messages: How many.
        failed: How many of them were not answered OK, or not at all.
        per_min: Rate over the last five minutes.
        median_ms: Half of them took less; None without any.
        p95_ms: 95 of 100 took less.
        last_at: The last one, however long ago.
        error: The last failure in words; empty when there was none.
        error_at: When it was.
        error_mrid: Its exchange in the log.
        curve: Messages in each BUCKET_S, oldest first; the last one is not over.
    """

    messages: int = 0
    failed: int = 0
    per_min: float = 0.0
    median_ms: float | None = None
    p95_ms: float | None = None
    last_at: dt.datetime | None = None
    error: str = ""
    error_at: dt.datetime | None = None
    error_mrid: str = ""
    curve: list[int] = field(default_factory=lambda: [0] * (HOURS * 3600 // BUCKET_S))


@dataclass(slots=True)
class ClientTraffic:
    """Both directions of one client, by its login; `drift_s` positive: its clock is ahead [s]."""

    inbound: Traffic = field(default_factory=Traffic)
    outbound: Traffic = field(default_factory=Traffic)
    drift_s: float | None = None

    def of(self, direction: str) -> Traffic:
        """Return one direction, `in` or `out`."""
        return self.inbound if direction == "in" else self.outbound


def traffic_of(client_ids: list[str]) -> dict[str, ClientTraffic]:
    """Return the traffic with each of the API clients, by login."""
    now = clock.now()
    until = dt.datetime.fromtimestamp((now.timestamp() // BUCKET_S + 1) * BUCKET_S, dt.UTC)
    values: dict[str, Any] = {
        "since": until - dt.timedelta(hours=HOURS),
        "until": until,
        "recent": now - dt.timedelta(seconds=_NOW_S),
        "bucket": BUCKET_S,
        "names": client_ids,
    }
    found = {name: ClientTraffic() for name in client_ids}
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, values)
        for name, direction, messages, failed, recent, median, p95, drift in cursor.fetchall():
            if name not in found:
                continue
            one = found[name].of(direction)
            one.messages, one.failed, one.per_min = messages, failed, recent * 60 / _NOW_S
            one.median_ms, one.p95_ms = median, p95
            found[name].drift_s = drift if direction == "in" else found[name].drift_s
        cursor.execute(_CURVES, values)
        for name, direction, bucket, messages in cursor.fetchall():
            if name in found:
                found[name].of(direction).curve[bucket] = messages
        cursor.execute(_ERRORS, values)
        for name, direction, mrid, at, error in cursor.fetchall():
            if name in found:
                one = found[name].of(direction)
                one.error, one.error_at, one.error_mrid = error, at, mrid
        cursor.execute(_LAST, values)
        for name, direction, at in cursor.fetchall():
            found[name].of(direction).last_at = at
    return found


def last_refusals(*, hours: float = 24) -> list[CimMessage]:
    """Return the last messages that were refused for who sent them (7.x) or could not be read."""
    since = clock.now() - dt.timedelta(hours=hours)
    found = CimMessage.objects.filter(direction="in", received_at__gte=since, replay_of="")
    found = found.filter(Q(code__startswith="7.") | Q(result="FAULT"))
    return list(
        found.defer("request_body", "reply_body", "changed").order_by("-received_at")[:_REFUSALS]
    )
