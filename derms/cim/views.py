"""The CIM door: POST a SOAP message, GET the WSDL and its schemas. Plain Django, under WSGI."""

import re

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseForbidden,
    HttpResponseNotAllowed,
    HttpResponseNotFound,
)
from django.views.decorators.csrf import csrf_exempt

from derms.accounts.permissions import has_permission
from derms.cim import exchange, registry, transport, wsdl
from derms.cim.exchange import Incoming
from derms.cim.operations import Operation
from derms.cim.services import Answer, Entry
from derms.cim.soap import SoapFaultError
from derms.core.actors import Actor
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
    actor = transport.authenticate(request)
    if actor is None:
        return HttpResponse(
            "API client credentials are required.",
            status=401,
            content_type="text/plain",
            headers={"WWW-Authenticate": 'Basic realm="derms", charset="UTF-8"'},
        )
    if not has_permission(actor, "cim.use"):
        return HttpResponseForbidden("This client may not use CIM.", content_type="text/plain")
    answer = _post(request, operations[0].path, actor)
    return HttpResponse(answer.body, status=answer.http_status, content_type=_XML)


def _post(request: HttpRequest, path: str, actor: Actor) -> Answer:
    try:
        body = transport.read_body(request)
    except SoapFaultError as error:
        return exchange.refuse(Entry(actor, path, b""), error, exchange.messages_at(path))
    action = request.headers.get("SOAPAction", "")
    return exchange.receive(Incoming(path, action, body, actor))


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
