"""Prometheus metrics of all processes: requests by route, tasks by name.

Processes share the folder PROMETHEUS_MULTIPROC_DIR, so `/metrics` of any web worker tells of all.
Labels are route patterns and task names, never identifiers: their number stays bounded.
"""

import os
import time
from collections.abc import Callable
from typing import Any

from celery import signals
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30)

REQUESTS = Histogram(
    "derms_http_request_seconds",
    "Time to answer a request",
    ["method", "route", "status"],
    buckets=_BUCKETS,
)
TASKS = Histogram(
    "derms_task_seconds", "Run time of a background task", ["task", "state"], buckets=_BUCKETS
)
TASKS_EXPIRED = Counter(
    "derms_task_expired_total", "Wake-ups dropped because the worker was behind", ["task"]
)
_started: dict[str, float] = {}


def request_metrics(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Count and time every request by its route."""

    def middleware(request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = get_response(request)
        match = request.resolver_match
        route = match.route if match else "(none)"
        REQUESTS.labels(request.method or "", route, str(response.status_code)).observe(
            time.perf_counter() - began
        )
        return response

    return middleware


@require_safe
def metrics(_request: HttpRequest) -> HttpResponse:
    """Answer the metrics of all processes in Prometheus' text format."""
    registry: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


@signals.task_prerun.connect
def _begin_task(task_id: str, **_: Any) -> None:
    _started[task_id] = time.perf_counter()


@signals.task_postrun.connect
def _end_task(task_id: str, task: Any, state: str | None, **_: Any) -> None:
    began = _started.pop(task_id, None)
    if began is not None:
        TASKS.labels(task.name, state or "UNKNOWN").observe(time.perf_counter() - began)


@signals.task_revoked.connect
def _count_expired(sender: Any, expired: bool, **_: Any) -> None:  # noqa: FBT001 - Celery's
    if expired:
        TASKS_EXPIRED.labels(sender.name).inc()
