"""Prometheus counters of the delivery to partners."""

from prometheus_client import Counter, Histogram

DELIVERIES = Counter("derms_push_tries_total", "Tries to deliver to partners", ["outcome"])
DELAY = Histogram(
    "derms_push_delay_seconds",
    "From the push of a message to its delivery",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600),
)
