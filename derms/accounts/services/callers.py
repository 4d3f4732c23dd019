"""Which API client calls, by what HTTP and TLS show of it: the same for REST and CIM.

Source: RFC 7617 (Basic), RFC 6750 (Bearer), TLS client certificates as the proxy passes them on.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

import redis
from django.http import HttpRequest

from derms.accounts import proxy, selectors
from derms.accounts.choices import Proof
from derms.accounts.models import ApiClient, ClientCertificate
from derms.accounts.rules.certificates import trouble_with
from derms.accounts.rules.policy import check_rest
from derms.accounts.services.clients import authenticate_client
from derms.audit import services as audit
from derms.core import clock, valkey
from derms.core.actors import Actor, ActorKind
from derms.core.errors import ForbiddenError

_REPEAT_S = 60
_SCHEMES = {"basic": Proof.PASSWORD, "bearer": Proof.BEARER}


@dataclass(frozen=True, slots=True)
class Caller:
    """An API client and what it has shown of itself so far.

    Attributes:
        client: The client.
        proofs: Proofs that were found good.
        source: What the audit log calls the door: the first proof.
        address: Its network address.
    """

    client: ApiClient
    proofs: frozenset[Proof]
    source: str
    address: str = ""

    @property
    def actor(self) -> Actor:
        """The caller as services know it."""
        return selectors.actor_of_client(self.client, source=self.source, address=self.address)


def identify(request: HttpRequest) -> Caller | None:
    """Return who calls by its Authorization header, its client certificate, or both.

    Returns:
        The caller; None when neither is shown.

    Raises:
        ForbiddenError: what is shown is not good, or the two name different clients (7.4).
    """
    address = selectors.address_of(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    proof = _SCHEMES.get(scheme.lower())
    pem = proxy.certificate_of(request)
    if proof is None:
        return _by_certificate(pem, address) if pem else None
    client_id, secret = _credentials(proof, token.strip())
    client = authenticate_client(client_id, secret)
    if client is None:
        raise _wrong_credentials(client_id, address)
    caller = Caller(client, frozenset({proof}), scheme.lower(), address)
    return _with_certificate(caller, pem) if pem else caller


def _credentials(proof: Proof, token: str) -> tuple[str, str]:
    if proof == Proof.BEARER:
        client_id, _, secret = token.rpartition(".")
        return client_id, secret
    try:
        client_id, _, secret = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise not_known("The credentials are not valid.") from error
    return client_id, secret


def _wrong_credentials(client_id: str, address: str) -> ForbiddenError:
    """Return the error for a wrong id or secret; recorded once a minute for each id and address.

    A client left with an old secret may knock ten times a second for days.
    """
    said = Actor(
        kind=ActorKind.CLIENT, mrid="", name=f"unknown ({client_id[:64]}?)", address=address
    )
    text = "The credentials are not valid."
    return refused(text, said) if _is_news(f"{client_id} {address}") else not_known(text)


def _is_news(what: str) -> bool:
    key = f"derms:refused:{hashlib.sha256(what.encode()).hexdigest()[:32]}"
    try:
        return bool(valkey.client().set(key, 1, nx=True, ex=_REPEAT_S))
    except redis.RedisError:
        return True


def _by_certificate(pem: str, address: str) -> Caller:
    """Return the client a certificate alone stands for."""
    row = selectors.find_certificate(proxy.fingerprint_of(pem))
    if row is None:
        raise not_known("The TLS client certificate is not registered for any API client.")
    caller = Caller(row.client, frozenset({Proof.CERTIFICATE}), "certificate", address)
    check_certificate(row, caller.actor, "TLS client certificate")
    if not (row.client.is_active and row.client.organisation.is_active):
        raise not_known("The API client of this certificate is switched off.")
    return caller


def _with_certificate(caller: Caller, pem: str) -> Caller:
    """Return a caller that shows a certificate beside its credentials; it must be its own."""
    row = selectors.find_certificate(proxy.fingerprint_of(pem))
    if row is None or row.client_id != caller.client.pk:
        text = "The TLS client certificate is not registered for this API client."
        raise refused(text, caller.actor)
    check_certificate(row, caller.actor, "TLS client certificate")
    proofs = caller.proofs | {Proof.CERTIFICATE}
    return Caller(caller.client, proofs, caller.source, caller.address)


def check_certificate(row: ClientCertificate, actor: Actor, what: str) -> None:
    """Refuse a registered certificate that is revoked, expired or not yet valid.

    Args:
        row: The certificate.
        actor: Whose it is, for the audit record.
        what: What the sentence begins with, e.g. `TLS client certificate`.

    Raises:
        ForbiddenError: it does not count now (7.4).
    """
    trouble = trouble_with(
        not_before=row.not_before,
        not_after=row.not_after,
        revoked_at=row.revoked_at,
        now=clock.now(),
    )
    if trouble:
        raise refused(f"The {what} {row.sha256[:16]} {trouble}.", actor)


def check_rest_policy(caller: Caller) -> None:
    """Refuse a REST call that shows less than the client's policy demands, and record that.

    Raises:
        ForbiddenError: something is missing (7.3).
    """
    name = caller.client.client_id
    try:
        check_rest(caller.client.demands, caller.proofs, name=name)
    except ForbiddenError as error:
        audit.record_refused(
            action="accounts.authenticate",
            object_type="ApiClient",
            object_mrid=caller.client.mrid,
            reason=error.message,
            actor=caller.actor,
        )
        error.recorded = True
        raise


def not_known(text: str) -> ForbiddenError:
    """Return the error for a caller that is nobody we know (7.4)."""
    return ForbiddenError(text, code="not_authenticated", cim_code="7.4")


def refused(text: str, actor: Actor) -> ForbiddenError:
    """Return the error for a known client with a bad proof (7.4), and record the refusal."""
    audit.record_refused(
        action="accounts.authenticate",
        object_type="ApiClient",
        object_mrid=actor.mrid,
        reason=text,
        actor=actor,
    )
    error = not_known(text)
    error.recorded = True
    return error
