"""The CIM door: POST a SOAP message, GET the WSDL and its schemas. Plain Django, under WSGI."""

import re
from http import HTTPStatus

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseForbidden,
    HttpResponseNotAllowed,
    HttpResponseNotFound,
)
from django.views.decorators.csrf import csrf_exempt

from derms.accounts.permissions import has_permission
from derms.accounts.services import identify
from derms.accounts.services.callers import CallerError, record_refused_caller
from derms.cim import exchange, registry, transport, wsdl
from derms.cim.forms import BARE, SOAP
from derms.cim.operations import Operation
from derms.cim.services import Entry
from derms.cim.transport import Refused
from derms.core.limits import bounds_own_body

_XML = "text/xml; charset=utf-8"


@bounds_own_body
@csrf_exempt
def service(request: HttpRequest, path: str) -> HttpResponse:
    """Serve one CIM service.

    Args:
        request: POST with a SOAP 1.1 message of an authenticated client, or GET with `?wsdl` or
            `?xsd=<file>`, which need no authentication: they hold nothing but the interface.
        path: Below /61968-5, such as `create/executeDERGroups`.
    """
    path = re.sub("/+", "/", path)
    operations = [p.operation for p in registry.service_at(path).values()]
    if not operations:
        return HttpResponseNotFound("There is no such service.", content_type="text/plain")
    if request.method in ("GET", "HEAD"):
        return _description(request, operations)
    if request.method != "POST":
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    return _post(request, operations[0].path)


@bounds_own_body
@csrf_exempt
def generic(request: HttpRequest) -> HttpResponse:
    """Serve every operation without SOAP: the message itself, typed or generic, at one address.

    Args:
        request: POST of a RequestMessage or EventMessage of 61968-100, or of a typed message.
    """
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    return _post(request, "cim", is_soap=False)


def _post(request: HttpRequest, path: str, *, is_soap: bool = True) -> HttpResponse:
    try:
        caller = identify(request)
    except CallerError as error:
        record_refused_caller(error.message, error.actor)
        return _unauthorized(error.message, error.wait_s)
    if caller is not None and not has_permission(caller.actor, "cim.use"):
        return _forbidden()
    taken = transport.take(request, path, caller, is_soap=is_soap)
    if taken is None:
        return _unauthorized("API client credentials are required.")
    if isinstance(taken, Refused):
        return _refuse(taken, path, is_soap=is_soap)
    if not has_permission(taken.admitted.caller.actor, "cim.use"):
        return _forbidden()
    answer = exchange.receive(taken)
    return HttpResponse(answer.body, status=answer.http_status, content_type=_XML)


def _refuse(refused: Refused, path: str, *, is_soap: bool) -> HttpResponse:
    """Answer with a fault; who has to wait is not logged, or knocking would fill the log."""
    entry = Entry(refused.actor, path, refused.body, form=SOAP if is_soap else BARE)
    entry.signs = refused.signs and is_soap
    messages = exchange.messages_at(path)
    if refused.wait_s:
        _, fault = entry.form.fault(refused.fault, messages)
        return _wait(HttpResponse(fault, content_type=_XML), refused.wait_s)
    answer = exchange.refuse(entry, refused.fault, messages)
    return HttpResponse(answer.body, status=answer.http_status, content_type=_XML)


def _wait(answer: HttpResponse, wait_s: int) -> HttpResponse:
    answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
    answer["Retry-After"] = str(wait_s)
    return answer


def _forbidden() -> HttpResponse:
    return HttpResponseForbidden("This client may not use CIM.", content_type="text/plain")


def _unauthorized(text: str, wait_s: int = 0) -> HttpResponse:
    if wait_s:
        return _wait(HttpResponse(text, content_type="text/plain"), wait_s)
    return HttpResponse(
        text,
        status=401,
        content_type="text/plain",
        headers={"WWW-Authenticate": 'Basic realm="derms", charset="UTF-8"'},
    )


def _description(request: HttpRequest, operations: list[Operation]) -> HttpResponse:
    query = {key.lower(): value for key, value in request.GET.items()}
    address = request.build_absolute_uri(re.sub("/+", "/", request.path))
    if "wsdl" in query:
        return HttpResponse(wsdl.service_wsdl(operations, address), content_type=_XML)
    if "xsd" in query:
        xsd = wsdl.service_xsd(operations, str(query["xsd"]), address)
        if xsd is not None:
            return HttpResponse(xsd, content_type=_XML)
        return HttpResponseNotFound("There is no such schema.", content_type="text/plain")
    return HttpResponse(
        "Send a SOAP 1.1 message by POST, or ask for ?wsdl.", status=405,
        content_type="text/plain", headers={"Allow": "GET, HEAD, POST"},
    )  # fmt: skip
