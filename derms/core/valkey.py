"""The one synchronous Valkey/Redis connection pool of a process.

What lives there may be lost: wake-ups, live frames, rate limits. Facts live in PostgreSQL.
"""

from functools import lru_cache

import redis
from django.conf import settings


@lru_cache(maxsize=1)
def client() -> redis.Redis:
    """Return the shared client; a server that does not answer raises within 2 s."""
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2.0, socket_connect_timeout=2.0, protocol=2
    )
