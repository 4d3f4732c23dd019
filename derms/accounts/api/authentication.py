"""Who calls REST: a browser session with CSRF check, or an API client by Basic or Bearer.

Each sets `request.user`, for Django's sake, and `request.actor`, which services take.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions
from rest_framework.request import Request

from derms.accounts import selectors, services


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

    def authenticate_header(self, request: Request) -> str:
        # DRF asks the first class; without a challenge it would answer 403 instead of 401.
        # Naming Bearer rather than Basic keeps browsers from asking for a password themselves.
        return 'Bearer realm="derms"'


class _ClientAuthentication(authentication.BaseAuthentication):
    """Shared by both ways a system shows its credentials."""

    scheme = ""

    def authenticate(self, request: Request) -> tuple[ClientUser, None] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != self.scheme:
            return None
        client = services.authenticate_client(*self.credentials(token.strip()))
        if client is None:
            raise exceptions.AuthenticationFailed("The credentials are not valid.")
        address = selectors.address_of(request._request)
        _bind(request, selectors.actor_of_client(client, source=self.scheme, address=address))
        return ClientUser(pk=client.mrid, name=client.client_id), None

    def credentials(self, token: str) -> tuple[str, str]:
        raise NotImplementedError

    def authenticate_header(self, request: Request) -> str:
        return f'{self.scheme.title()} realm="derms"'


class ClientBasicAuthentication(_ClientAuthentication):
    """HTTP Basic (RFC 7617): client id and secret."""

    scheme = "basic"

    def credentials(self, token: str) -> tuple[str, str]:
        try:
            text = base64.b64decode(token, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise exceptions.AuthenticationFailed("The credentials are not valid.") from error
        client_id, _, secret = text.partition(":")
        return client_id, secret


class ClientBearerAuthentication(_ClientAuthentication):
    """HTTP Bearer (RFC 6750): the opaque token `client_id.secret`."""

    scheme = "bearer"

    def credentials(self, token: str) -> tuple[str, str]:
        client_id, _, secret = token.rpartition(".")
        return client_id, secret


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
