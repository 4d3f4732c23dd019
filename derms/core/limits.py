"""Bodies are bounded in size before anything of them is read."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from derms.core.problem import MEDIA_TYPE, problem_body

_View = TypeVar("_View", bound=Callable[..., HttpResponse])
_OWN = "bounds_own_body"


def bounds_own_body(view: _View) -> _View:
    """Mark a view that refuses too large a body by itself, in its own protocol."""
    setattr(view, _OWN, True)
    return view


def _refuse(request: HttpRequest, view: Callable[..., Any], *_: Any) -> HttpResponse | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return None
    if getattr(view, _OWN, False):
        return None
    limit = f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes"
    body = problem_body(413, "too_large", f"A request body has at most {limit}.")
    return JsonResponse(body, status=413, content_type=MEDIA_TYPE)


def body_limit(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse a body larger than DERMS_MAX_BODY_BYTES by its announced length.

    Django checks the length only where `request.body` is used, and DRF's parsers read the stream.
    A body without Content-Length is never read by them at all, so the header is enough.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    # Asked by Django once the view is known, before any middleware reads the body.
    setattr(middleware, "process_view", _refuse)  # noqa: B010 - a function has no such attribute
    return middleware
