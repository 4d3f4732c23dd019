"""The console's page: the built index.html with what the browser cannot know by itself."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from derms.core.addresses import socket_url

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
