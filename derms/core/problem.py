"""The REST door's translation of errors into RFC 9457 problem details."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from derms.core import correlation
from derms.core.errors import BusyError, DermsError

MEDIA_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


def problem(
    http_status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """Return a problem+json response carrying the correlation id of the request."""
    body = {
        "type": f"urn:derms:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": http_status,
        "code": code,
        "detail": detail,
        "request_id": correlation.current(),
        **{k: v for k, v in more.items() if v not in (None, {}, [])},
    }
    return Response(body, status=http_status, content_type=MEDIA_TYPE, headers=headers)


def _field_errors(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    if isinstance(detail, dict):
        return [e for k, v in detail.items() for e in _field_errors(v, f"{pointer}/{k}")]
    if isinstance(detail, list):
        return [e for v in detail for e in _field_errors(v, pointer)]
    return [{"pointer": pointer or "/", "code": getattr(detail, "code", ""), "detail": str(detail)}]


def _from_derms(error: DermsError) -> Response:
    if error.http_status >= status.HTTP_500_INTERNAL_SERVER_ERROR and not error.retry:
        _log.error("internal error at the REST door", exc_info=error)
        return problem(500, "internal_error", "Something went wrong inside; see the request id.")
    headers = {"Retry-After": "1"} if isinstance(error, BusyError) else None
    errors = [{"pointer": error.field, "code": error.code, "detail": error.message}]
    return problem(
        error.http_status,
        error.code,
        error.message,
        headers=headers,
        params=dict(error.params),
        errors=errors if error.field else None,
    )


def _from_drf(error: exceptions.APIException) -> Response:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined] # set by DRF
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(int(error.wait))  # type: ignore[attr-defined] # Throttled only
    if isinstance(error, exceptions.ValidationError):
        return problem(
            422,
            "invalid_input",
            "Some fields are not valid.",
            errors=_field_errors(error.detail),
        )
    code = error.get_codes()
    name = code if isinstance(code, str) else "invalid_input"
    return problem(error.status_code, name, str(error.detail), headers=headers)


def exception_handler(error: Exception, _context: dict[str, Any]) -> Response | None:
    """Translate any error of a REST view; None lets Django answer 500 after logging."""
    set_rollback()
    if isinstance(error, DermsError):
        return _from_derms(error)
    if isinstance(error, Http404):
        return problem(404, "not_found", "There is no such object.")
    if isinstance(error, PermissionDenied):
        return problem(403, "forbidden", "You may not do this.")
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too_large", "The request body is larger than allowed.")
    if isinstance(error, exceptions.APIException):
        return _from_drf(error)
    _log.error("unexpected error at the REST door", exc_info=error)
    return problem(500, "internal_error", "Something went wrong inside; see the request id.")
