"""Which API client calls, by what HTTP and TLS show of it: the same for REST and CIM.

Source: RFC 7617 (Basic), RFC 6750 (Bearer), TLS client certificates as the proxy passes them on.
"""

import base64
import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import redis
from django.http import HttpRequest

from derms.accounts import proxy, selectors, throttle
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
BAD_PROOF = "7.4"
_SCHEMES = {"basic": Proof.PASSWORD, "bearer": Proof.BEARER}


class CallerError(ForbiddenError):
    """What a caller shows of itself is not good enough (7.4).

    Args:
        message: One sentence for the caller.
        actor: Who the refusal is recorded for; None for nobody we know, and for news that is old.
        wait_s: There were too many before: nothing is checked until so many seconds are over [s].
    """

    code = "not_authenticated"
    cim_code = "7.4"

    def __init__(self, message: str, *, actor: Actor | None = None, wait_s: int = 0) -> None:
        """See the class."""
        super().__init__(message, cim_code="7.1" if wait_s else BAD_PROOF)
        self.actor = actor
        self.wait_s = wait_s


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
        CallerError: what is shown is not good, or the two name different clients.
    """
    address = selectors.address_of(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    proof = _SCHEMES.get(scheme.lower())
    pem = proxy.certificate_of(request)
    if proof is None:
        return _by_certificate(pem, address) if pem else None
    client_id, secret = _credentials(proof, token.strip())
    with listening(client_id, address):
        client = authenticate_client(client_id, secret)
        if client is None:
            raise _wrong_credentials(client_id, address)
    caller = Caller(client, frozenset({proof}), scheme.lower(), address)
    return _with_certificate(caller, pem) if pem else caller


@contextlib.contextmanager
def listening(client_id: str, address: str) -> Iterator[None]:
    """Let a proof be checked inside, unless there were too many bad ones; a bad one is counted.

    Args:
        client_id: Whose proof it claims to be; empty when nobody can tell.
        address: Where it comes from.

    Raises:
        CallerError: the caller has to wait (7.1); recorded here, once a minute.
    """
    call = throttle.Call(client_id, address)
    hearing = throttle.hear(call)
    if hearing.wait_s:
        raise _too_many(call, hearing.wait_s)
    try:
        yield
    except ForbiddenError as error:
        wait_s = throttle.note_refusal(call) if error.cim_code == BAD_PROOF else 0
        if wait_s:
            raise _too_many(call, wait_s) from error
        raise
    if client_id and not hearing.is_known:
        throttle.note_admission(call)


def _too_many(call: throttle.Call, wait_s: int) -> CallerError:
    if _is_news(f"too many {call.client_id} {call.address}"):
        who = f"unknown ({call.client_id[:64]}?)" if call.client_id else "unknown"
        said = Actor(kind=ActorKind.CLIENT, mrid="", name=who, address=call.address)
        record_refused_caller("Too many bad credentials", said)
    return CallerError(f"Too many bad credentials; try again in {wait_s} s", wait_s=wait_s)


def _credentials(proof: Proof, token: str) -> tuple[str, str]:
    if proof == Proof.BEARER:
        client_id, _, secret = token.rpartition(".")
    else:
        try:
            client_id, _, secret = base64.b64decode(token, validate=True).decode().partition(":")
        except ValueError as error:  # no base64, not ASCII, or not UTF-8 inside
            raise CallerError("The credentials are not valid.") from error
    if "\0" in client_id:  # which the database cannot even look for
        raise CallerError("The credentials are not valid.")
    return client_id, secret


def _wrong_credentials(client_id: str, address: str) -> CallerError:
    """Return the error for a wrong id or secret; recorded once a minute for each id and address.

    A client left with an old secret may knock ten times a second for days.
    """
    said = Actor(
        kind=ActorKind.CLIENT, mrid="", name=f"unknown ({client_id[:64]}?)", address=address
    )
    text = "The credentials are not valid."
    return CallerError(text, actor=said if _is_news(f"{client_id} {address}") else None)


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
        raise CallerError("The TLS client certificate is not registered for any API client.")
    caller = Caller(row.client, frozenset({Proof.CERTIFICATE}), "certificate", address)
    check_certificate(row, caller.actor, "TLS client certificate")
    if not (row.client.is_active and row.client.organisation.is_active):
        raise CallerError("The API client of this certificate is switched off.")
    return caller


def _with_certificate(caller: Caller, pem: str) -> Caller:
    """Return a caller that shows a certificate beside its credentials; it must be its own."""
    row = selectors.find_certificate(proxy.fingerprint_of(pem))
    if row is None or row.client_id != caller.client.pk:
        text = "The TLS client certificate is not registered for this API client."
        raise CallerError(text, actor=caller.actor)
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
        CallerError: it does not count now.
    """
    trouble = trouble_with(
        not_before=row.not_before,
        not_after=row.not_after,
        revoked_at=row.revoked_at,
        now=clock.now(),
    )
    if trouble:
        raise CallerError(f"The {what} {row.sha256[:16]} {trouble}.", actor=actor)


def check_rest_policy(caller: Caller) -> None:
    """Refuse a REST call that shows less than the client's policy demands.

    Raises:
        ForbiddenError: something is missing (7.3).
    """
    check_rest(caller.client.demands, caller.proofs, name=caller.client.client_id)


def record_refused_caller(reason: str, actor: Actor | None) -> None:
    """Record that a door turned a caller away; nothing when there is nobody to name."""
    if actor is not None:
        audit.record_refused(
            action="accounts.authenticate",
            object_type="ApiClient",
            object_mrid=actor.mrid,
            reason=reason,
            actor=actor,
        )
