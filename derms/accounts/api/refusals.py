"""The REST door's error handler: problem details, and an audit record of each refused command."""

import re
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from derms.accounts.api.permissions import route_of
from derms.accounts.selectors import find_actor
from derms.audit.services import record_refused
from derms.core import problem
from derms.core.errors import BusyError, DermsError

# Only ask a question.
_NOT_HERE = frozenset({"dispatch-preview", "control-preview"})
_SECRET = re.compile("password|secret|token|pem", re.IGNORECASE)
_KEPT_BYTES = 16 * 1024


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Translate an error, and record it when it refuses a command of a known caller."""
    response = problem.exception_handler(error, context)
    request = context["request"]
    if not isinstance(error, DermsError) or isinstance(error, BusyError):
        return response
    if request.method in SAFE_METHODS or response is None or response.status_code >= 500:
        return response
    route = route_of(request._request)
    actor = find_actor(request)
    if actor is not None and route not in _NOT_HERE:
        record_refused(
            action=f"rest.{route}.{request.method}"[:60],
            object_type=str(error.params.get("object_type", "Route"))[:60],
            object_mrid=str(context["kwargs"].get("mrid", ""))[:128],
            reason=f"{error.code}: {error.message}"[:500],
            asked=_asked(request),
            actor=actor,
        )
    return response


def _asked(request: Request) -> Any:
    """Return what was asked, without secrets; None when it is no JSON object or a long one."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > _KEPT_BYTES:
        return None
    try:
        body = request.data
    except APIException:
        return None
    return _without_secrets(body) if isinstance(body, dict) else None


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "***" if _SECRET.search(str(key)) else _without_secrets(held)
            for key, held in value.items()
        }
    return [_without_secrets(held) for held in value] if isinstance(value, list) else value
