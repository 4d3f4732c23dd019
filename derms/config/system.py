"""Health of the running system for engineers: queues, outbox, polling shards, processes."""

from typing import Any

from django.conf import settings
from django.db import connection

from derms.config import runfile
from derms.config.processes import QUEUES
from derms.core import clock, valkey
from derms.events.selectors import get_backlog
from derms.southbound import selectors as southbound


def get_system() -> dict[str, Any]:
    """Return what the system page shows; cheap enough to ask every few seconds."""
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    redis = valkey.client()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database()), clock_timestamp()")
        size, database_time = cursor.fetchone() or (0, clock.now())
    backlog = get_backlog()
    return {
        "at": clock.now(),
        "build": settings.BUILD_ID,
        "processes": runfile.read_state().get("processes", []),
        "queues": [{"name": q, "waiting": redis.llen(f"{prefix}{q}")} for q in QUEUES],
        "outbox": {
            "waiting": backlog.waiting,
            "parked": backlog.parked,
            "oldest_s": backlog.oldest_s,
        },
        "shards": southbound.list_shard_runs(),
        "database_bytes": size,
        "database_clock_offset_s": (database_time - clock.now()).total_seconds(),
        "valkey_bytes": redis.info("memory")["used_memory"],
    }
