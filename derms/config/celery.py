"""The Celery application: queues, the beat table, and the correlation id of every task.

Celery only wakes work up; what must not be lost is a row in PostgreSQL (docs/architecture.md).
"""

import os
import sys
from typing import Any

from celery import Celery, signals

from derms.core import correlation

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "derms.config.settings")

_HEADER = "correlation_id_of_request"

app = Celery("derms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def _keep_django_logging(**_: Any) -> None:
    """Having a receiver keeps Celery from replacing the log format of settings.LOGGING."""


@signals.before_task_publish.connect
def _send_correlation(headers: dict[str, Any], **_: Any) -> None:
    headers[_HEADER] = correlation.current()


@signals.task_prerun.connect
def _bind_correlation(task: Any, **_: Any) -> None:
    correlation.bind(task.request.get(_HEADER) or None)


@signals.worker_ready.connect
@signals.beat_init.connect
def _say_ready(**_: Any) -> None:
    """Tell the supervisor, which reads our output."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
