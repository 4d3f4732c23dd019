"""Prometheus counters of the low rooms; `derms/config/metrics.py` serves them all at /metrics.

Labels are topics, outcomes and reasons, never identifiers: their number stays bounded.
"""

from prometheus_client import Counter, Gauge, Histogram

FACTS = Counter("derms_facts_total", "Facts handled by the relay", ["outcome"])
FACT_DELAY = Histogram(
    "derms_fact_delay_seconds",
    "From publishing a fact to its delivery",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600),
)
LOGINS = Counter("derms_logins_total", "Attempts to log in", ["outcome"])
CLIENT_REFUSALS = Counter("derms_client_refusals_total", "Wrong credentials of API clients")
SOCKETS = Gauge("derms_live_sockets", "Open browser sockets", multiprocess_mode="livesum")
LIVE_GAPS = Counter("derms_live_gaps_total", "Subscriptions told to start over")
LIVE_CLOSED = Counter("derms_live_closed_total", "Sockets closed by us", ["code"])
AUDIT_REFUSED = Counter("derms_audit_refused_total", "Refused commands recorded")
