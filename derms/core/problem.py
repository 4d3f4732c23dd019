"""The REST door's translation of errors into RFC 9457 problem details."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError, OperationalError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from derms.core import correlation
from derms.core.errors import BusyError, DermsError

MEDIA_TYPE = "application/problem+json"
_PLAIN: dict[type[Exception], tuple[int, str, str]] = {
    Http404: (404, "not_found", "There is no such object."),
    PermissionDenied: (403, "forbidden", "You may not do this."),
    RequestDataTooBig: (413, "too_large", "The request body is larger than allowed."),
    # NUL characters and numbers out of range get past shapes and stop at the database.
    DataError: (422, "invalid_input", "A value cannot be stored as it was sent."),
}
# Deadlock, serialisation failure, lock not available.
_WORTH_A_RETRY = {"40P01", "40001", "55P03"}
_log = logging.getLogger(__name__)


def problem(
    http_status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """Return a problem+json response carrying the correlation id of the request."""
    body = problem_body(http_status, code, detail, **more)
    return Response(body, status=http_status, content_type=MEDIA_TYPE, headers=headers)


def problem_body(http_status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """Return the members of a problem (RFC 9457 3); empty extras are left out."""
    return {
        "type": f"urn:derms:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": http_status,
        "code": code,
        "detail": detail,
        "request_id": correlation.current(),
        **{k: v for k, v in more.items() if v not in (None, {}, [])},
    }


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


def _sqlstate(error: OperationalError) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def exception_handler(error: Exception, _context: dict[str, Any]) -> Response | None:
    """Translate any error of a REST view; None lets Django answer 500 after logging."""
    set_rollback()
    if isinstance(error, DermsError):
        return _from_derms(error)
    if isinstance(error, exceptions.APIException):
        return _from_drf(error)
    for kind, (http_status, code, detail) in _PLAIN.items():
        if isinstance(error, kind):
            return problem(http_status, code, detail)
    if isinstance(error, OperationalError) and _sqlstate(error) in _WORTH_A_RETRY:
        return problem(503, "busy", "Try again in a moment.", headers={"Retry-After": "1"})
    _log.error("unexpected error at the REST door", exc_info=error)
    return problem(500, "internal_error", "Something went wrong inside; see the request id.")
