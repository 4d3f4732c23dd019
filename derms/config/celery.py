"""The Celery application: queues, routes and the beat table.

Celery only wakes work up; what must not be lost is a row in PostgreSQL (docs/architecture.md).
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "derms.config.settings")

app = Celery("derms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
