"""Bodies are bounded in size before anything of them is read."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from derms.core.problem import MEDIA_TYPE, problem_body


def body_limit(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse a body larger than DERMS_MAX_BODY_BYTES by its announced length.

    Django checks the length only where `request.body` is used, and DRF's parsers read the stream.
    A body without Content-Length is never read at all, so the header is enough.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and int(length) <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return get_response(request)
        limit = f"{settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes"
        body = problem_body(413, "too_large", f"A request body has at most {limit}.")
        return JsonResponse(body, status=413, content_type=MEDIA_TYPE)

    return middleware
