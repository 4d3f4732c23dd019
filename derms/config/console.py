"""The console's page: the built index.html with what the browser cannot know by itself."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

_NOT_BUILT = "The console is not built: run `make setup` and start again."


@require_safe
@login_required
@ensure_csrf_cookie
@never_cache
def console(request: HttpRequest) -> HttpResponse:
    """Answer the single page of the console, whatever its path; the browser routes from there."""
    values = {"socket_url": socket_url(request), "build": settings.BUILD_ID}
    try:
        return render(request, "index.html", values)
    except TemplateDoesNotExist:
        return HttpResponse(_NOT_BUILT, status=503, content_type="text/plain")


def socket_url(request: HttpRequest) -> str:
    """Return where this browser opens its WebSocket: the page's own host, so cookies go along."""
    if "://" in settings.SOCKET_URL:
        return str(settings.SOCKET_URL)
    scheme = "wss" if request.is_secure() else "ws"
    host = request.get_host()
    if settings.SOCKET_URL:
        return f"{scheme}://{host}{settings.SOCKET_URL}"
    return f"{scheme}://{host.partition(':')[0]}:{settings.SOCKET_PORT}/ws/ui"
