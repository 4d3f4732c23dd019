"""Health of this installation, for supervisors and load balancers; no login needed."""

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from derms.core import valkey

_migrated: list[bool] = []


@require_safe
@never_cache
def live(_request: HttpRequest) -> JsonResponse:
    """Answer that the process runs, whatever the state of what it depends on."""
    return JsonResponse({"status": "live", "build": settings.BUILD_ID})


@require_safe
@never_cache
def ready(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when requests can be served, else 503 with what is missing."""
    checks = {"database": _database(), "valkey": _valkey()}
    well = all(state == "ok" for state in checks.values())
    body = {"status": "ready" if well else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if well else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        return "ok" if _is_migrated() else "not migrated"
    except DatabaseError:
        connection.close()
        return "unreachable"


def _is_migrated() -> bool:
    """Return whether the tables are those of this code; once true, it is not asked again."""
    if not _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        _migrated.append(True)
    return True


def _valkey() -> str:
    try:
        valkey.client().ping()
    except redis.RedisError:
        return "unreachable"
    return "ok"
