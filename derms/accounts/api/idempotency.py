"""Idempotency-Key on POST: the same key from the same caller has one effect and one reply.

The key is written in the transaction of the effect, so both are there or neither. A duplicate
that arrives meanwhile waits at the unique key and then gets the stored reply; a refused request
leaves no key and may be tried again.
Source: IETF draft-ietf-httpapi-idempotency-key-header, conflict as 409.
"""

import functools
import hashlib
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, transaction
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from derms.accounts import selectors
from derms.accounts.api.permissions import route_of
from derms.accounts.services import idempotency
from derms.core.errors import BusyError, InvalidInputError

HEADER = "Idempotency-Key"
_KEPT_HEADERS = ("Location", "ETag")
_PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    description="Repeat a request with the same key and it takes effect once.",
)
Handler = Callable[..., HttpResponseBase]


def idempotent(handler: Handler) -> Handler:
    """Make a view's `post` honour the header; without it the handler runs as it is."""

    @extend_schema(parameters=[_PARAMETER])
    @functools.wraps(handler)
    def post(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        key = request.headers.get(HEADER)
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not 1 <= len(key) <= idempotency.MAX_KEY:
            raise InvalidInputError(
                f"{HEADER} has 1 to {idempotency.MAX_KEY} characters.", field=HEADER
            )
        claim = idempotency.Claim(
            caller=selectors.actor_of(request).mrid,
            key=key,
            route=route_of(request._request),
            request_sha256=_fingerprint(request),
        )
        try:
            with transaction.atomic():
                return _once(claim, lambda: handler(view, request, *args, **kwargs))
        except OperationalError as error:
            if "lock timeout" in str(error):
                raise BusyError("The first request with this key is still running.") from error
            raise

    return post


def _fingerprint(request: Request) -> str:
    raw = request._request
    parts = (raw.get_full_path().encode(), (raw.content_type or "").encode(), raw.body)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _once(claim: idempotency.Claim, run: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    stored = idempotency.claim_key(claim)
    if stored is not None:
        return HttpResponse(
            bytes(stored.body),
            status=stored.status,
            content_type="application/json",
            headers=stored.headers | {"Idempotent-Replay": "true"},
        )
    response = run()
    if not isinstance(response, Response):
        raise TypeError("an idempotent view returns a DRF Response")
    idempotency.keep_reply(
        claim,
        status=response.status_code,
        headers={name: response[name] for name in _KEPT_HEADERS if name in response},
        body=JSONRenderer().render(response.data),
    )
    return response
