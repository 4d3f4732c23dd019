"""The correlation id travels with a task from whoever asked for it to the worker's log."""

import json
import logging
import time

import pytest
from celery import current_app, shared_task
from celery.contrib.testing.worker import start_worker

from derms.config import logs
from derms.core import correlation

_seen: list[str] = []


@shared_task
def note_correlation() -> None:
    _seen.append(correlation.current())


@pytest.fixture
def worker():
    with start_worker(
        current_app, pool="solo", queues=["correlation"], perform_ping_check=False, loglevel="ERROR"
    ):
        yield


def test_a_task_runs_under_the_id_of_who_asked(worker):
    correlation.bind("dms-4711")

    note_correlation.apply_async(queue="correlation")
    correlation.bind("another")
    note_correlation.apply_async(queue="correlation")

    for _ in range(100):
        if len(_seen) == 2:
            break
        time.sleep(0.05)
    assert _seen == ["dms-4711", "another"]


def test_a_log_line_is_json_with_the_id():
    correlation.bind("dms-4711")
    record = logging.LogRecord("derms.x", logging.ERROR, "x.py", 1, "no %s", ("way",), None)
    record.__dict__["group"] = "g1"

    line = json.loads(logs.json_formatter().format(record))

    assert line["event"] == "no way"
    assert (line["level"], line["correlation_id"], line["group"]) == ("error", "dms-4711", "g1")


def test_a_request_keeps_a_harmless_id_and_replaces_another(client):
    kept = client.get("/health/live", headers={"X-Correlation-ID": "dms-4711"})
    replaced = client.get("/health/live", headers={"X-Correlation-ID": "a b\tc"})

    assert kept.headers["X-Correlation-ID"] == "dms-4711"
    assert len(replaced.headers["X-Correlation-ID"]) == 32
