"""Checking a UsernameToken: a name, and its secret as it is or as a digest.

Source: OASIS WSS UsernameToken Profile 1.1 section 3; docs/adr/0060-password-digest.md.
"""

import base64

from django.conf import settings

from derms.accounts.selectors import Client
from derms.accounts.services import authenticate_client, authenticate_digest
from derms.cim.security.errors import TrustError
from derms.cim.security.freshness import check_age
from derms.cim.security.header import UsernameToken


def check_token(token: UsernameToken, *, is_secure: bool) -> Client:
    """Return the client a UsernameToken proves.

    Args:
        token: What was sent.
        is_secure: The message came over TLS.

    Raises:
        TrustError: wrong (7.4), in the clear where it must not be (7.6), stale (7.7).
    """
    if token.created:
        check_age(token.created, "Created of the UsernameToken")
    client = _by_digest(token) if token.is_digest else _by_text(token, is_secure=is_secure)
    if client is None:
        raise TrustError("Username or Password of the UsernameToken is not valid")
    return client


def nonce_of(token: UsernameToken) -> str:
    """Return the nonce a token uses up, however it is written; empty when it has none.

    Base64 has several texts for the same bytes, and a digest is over the bytes.
    """
    try:
        nonce = base64.b64encode(base64.b64decode(token.nonce, validate=True)).decode()
    except ValueError:
        nonce = token.nonce
    return f"token:{nonce}" if nonce else ""


def _by_text(token: UsernameToken, *, is_secure: bool) -> Client | None:
    if not (is_secure or settings.CIM_PLAIN_PASSWORD):
        raise TrustError(
            "A UsernameToken that holds the password needs TLS",
            cim_code="7.6",
            fault="FailedAuthentication",
        )
    return authenticate_client(token.username, token.password)


def _by_digest(token: UsernameToken) -> Client | None:
    if not token.nonce or not token.created:
        raise TrustError("A PasswordDigest needs Nonce and Created")
    try:
        nonce = base64.b64decode(token.nonce, validate=True)
    except ValueError as error:
        raise TrustError("The Nonce of the UsernameToken is not base64") from error
    return authenticate_digest(
        token.username, digest=token.password.strip(), nonce=nonce, created=token.created
    )
