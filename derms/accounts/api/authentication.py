"""Who calls REST: a browser session with CSRF check, or an API client by Basic, Bearer or TLS.

Each sets `request.user`, for Django's sake, and `request.actor`, which services take.
"""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from derms.accounts import selectors, services
from derms.accounts.proxy import certificate_of
from derms.accounts.services.callers import CallerError, record_refused_caller
from derms.core.errors import ForbiddenError


@dataclass(frozen=True, slots=True)
class ClientUser:
    """An API client in the place where Django expects a user."""

    pk: str
    name: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def __str__(self) -> str:
        return self.name


def _bind(request: Request, actor: Any) -> None:
    request._request.actor = actor  # type: ignore[attr-defined]


class SessionAuthentication(authentication.SessionAuthentication):
    """The console's session; unsafe methods need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found is not None:
            address = selectors.address_of(request._request)
            _bind(
                request,
                selectors.actor_of_user(found[0], source="session", address=address),
            )
        return found

    def enforce_csrf(self, request: Request) -> None:
        # On the request below: looking for a token in a form, DRF's own would read the body away.
        super().enforce_csrf(request._request)  # type: ignore[arg-type] # the check is Django's

    def authenticate_header(self, request: Request) -> str:
        # DRF asks the first class; without a challenge it would answer 403 instead of 401.
        # Naming Bearer rather than Basic keeps browsers from asking for a password themselves.
        return 'Bearer realm="derms"'


class _ClientAuthentication(authentication.BaseAuthentication):
    """Shared by the ways a system shows who it is; its policy must be met as well."""

    scheme = ""

    def authenticate(self, request: Request) -> tuple[ClientUser, None] | None:
        if not self.is_shown(request._request):
            return None
        try:
            caller = services.identify(request._request)
        except CallerError as error:
            record_refused_caller(error.message, error.actor)
            if error.wait_s:
                raise exceptions.Throttled(wait=error.wait_s) from error
            raise exceptions.AuthenticationFailed(error.message) from error
        if caller is None:
            return None
        try:
            services.check_rest_policy(caller)
        except ForbiddenError as error:
            record_refused_caller(error.message, caller.actor)
            raise exceptions.PermissionDenied(error.message, code=error.code) from error
        _bind(request, caller.actor)
        return ClientUser(pk=caller.client.mrid, name=caller.client.client_id), None

    def is_shown(self, request: HttpRequest) -> bool:
        return request.headers.get("Authorization", "").partition(" ")[0].lower() == self.scheme

    def authenticate_header(self, request: Request) -> str:
        return f'{self.scheme.title()} realm="derms"'


class ClientBasicAuthentication(_ClientAuthentication):
    """HTTP Basic (RFC 7617): client id and secret."""

    scheme = "basic"


class ClientBearerAuthentication(_ClientAuthentication):
    """HTTP Bearer (RFC 6750): the opaque token `client_id.secret`."""

    scheme = "bearer"


class ClientCertificateAuthentication(_ClientAuthentication):
    """A TLS client certificate alone, as the proxy has verified it and passes it on."""

    def is_shown(self, request: HttpRequest) -> bool:
        return "Authorization" not in request.headers and bool(certificate_of(request))


class _SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # spectacular
    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class _BasicScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # spectacular
    target_class = ClientBasicAuthentication
    name = "clientBasic"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "basic"}


class _BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # spectacular
    target_class = ClientBearerAuthentication
    name = "clientBearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class _CertificateScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # spectacular
    target_class = ClientCertificateAuthentication
    name = "clientCertificate"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        # OpenAPI 3.0 has no word for mutual TLS.
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-Client-Certificate",
            "description": "TLS client certificate; the proxy sets the header, no client does.",
        }
