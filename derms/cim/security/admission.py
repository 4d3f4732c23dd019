"""May this message be read at all: who sends it, and does that meet the client's policy.

All that is demanded must hold, and everything that is shown must be good, demanded or not.
Source: IEC 61968-100 reply codes 7.x; OASIS WSS SOAP Message Security 1.1.
"""

from dataclasses import dataclass, replace

from lxml import etree

from derms.accounts.choices import Proof
from derms.accounts.rules.policy import check_demands
from derms.accounts.selectors import Client
from derms.accounts.services import Caller
from derms.accounts.services.callers import CallerError, check_certificate, listening
from derms.cim import names as cim
from derms.cim.security import signature, tokens
from derms.cim.security.errors import NOBODY, TrustError
from derms.cim.security.freshness import Freshness, check_timestamp
from derms.cim.security.header import Security, read_security
from derms.core.actors import Actor
from derms.core.errors import ForbiddenError

NOTHING_SHOWN = "7.2"
"""Nobody has tried anything; HTTP asks for credentials and nothing is recorded."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A message that may be read.

    Attributes:
        caller: Who sent it, and by what it has proved that.
        root: What to read: the envelope, or one rebuilt around the Body that was signed.
        fresh: What is left to check once the Header is known.
    """

    caller: Caller
    root: etree._Element
    fresh: Freshness


@dataclass(slots=True)
class _Shown:
    """What a message has shown so far."""

    caller: Caller | None
    address: str

    def add(self, client: Client, proof: Proof) -> None:
        """Add a good proof; it must be of the client the others are of."""
        if self.caller is None:
            self.caller = Caller(client, frozenset({proof}), proof, self.address)
            return
        if self.caller.client.pk != client.pk:
            raise TrustError("The message shows credentials of two different API clients")
        self.caller = Caller(
            self.caller.client, self.caller.proofs | {proof}, self.caller.source, self.address
        )


def admit(
    root: etree._Element, caller: Caller | None, *, is_secure: bool, address: str = ""
) -> Admitted:
    """Say who sent a message and whether it may be read.

    Args:
        root: The SOAP envelope, or a bare message of the generic door.
        caller: Who HTTP and TLS say it is; None when they say nothing.
        is_secure: The message came over TLS.
        address: Network address of the sender.

    Raises:
        TrustError: nothing shown (7.2), too little (7.3), bad (7.4), in the clear (7.6), stale or
            against another policy (7.7), too many bad ones before (7.1); its `actor` is who that
            is recorded for.
    """
    shown = _Shown(caller, address)
    security = None
    try:
        if root.tag == f"{{{cim.SOAP}}}Envelope":
            security = read_security(root)
        return _admitted(root, security, shown, is_secure=is_secure)
    except ForbiddenError as error:
        refusal = error if isinstance(error, TrustError) else _trust_error(error)
        known = error.actor if isinstance(error, CallerError) else None
        refusal.actor = known or actor_of(shown.caller, security, address)
        refusal.wait_s = error.wait_s if isinstance(error, CallerError) else 0
        raise refusal from error


def _admitted(
    root: etree._Element, security: Security | None, shown: _Shown, *, is_secure: bool
) -> Admitted:
    nonces: list[str] = []
    timestamp = None if security is None else security.timestamp
    if security is not None and security.username_token is not None:
        with listening(security.username_token.username, shown.address):
            owner = tokens.check_token(security.username_token, is_secure=is_secure)
        shown.add(owner, Proof.USERNAME_TOKEN)
        nonces.append(tokens.nonce_of(security.username_token))
    is_signed = security is not None and security.signature is not None
    if security is not None and is_signed:
        signed = _verified(root, security, shown)
        root, timestamp = _rebuilt(signed.body), signed.timestamp
        nonces.append(signed.nonce)
    if timestamp is not None:
        check_timestamp(timestamp)
    if shown.caller is None:
        text = "The message shows nothing of who sends it"
        raise TrustError(text, cim_code=NOTHING_SHOWN)
    client = shown.caller.client
    check_demands(client.demands, shown.caller.proofs, name=client.client_id)
    fresh = Freshness(
        client=client.mrid,
        nonces=tuple(filter(None, nonces)),
        dated=timestamp is not None,
        demands_date=is_signed,
        demands_timestamp=Proof.TIMESTAMP in client.demands,
    )
    return Admitted(shown.caller, root, fresh)


def _verified(root: etree._Element, security: Security, shown: _Shown) -> signature.Signed:
    """Verify the signature, by a certificate of the client that the rest of the message shows."""
    claimed_id = shown.caller.client.client_id if shown.caller else ""
    with listening(claimed_id, shown.address):
        signer = signature.find_signer(security)
    client = signer.client
    if shown.caller is not None and shown.caller.client.pk != client.pk:
        name = shown.caller.client.client_id
        raise TrustError(f"The certificate of the signature is not registered for {name}")
    if not (client.is_active and client.organisation.is_active):
        raise TrustError("The API client of this certificate is switched off")
    claimed = Caller(client, frozenset(), Proof.SIGNATURE, shown.address)
    check_certificate(signer, claimed.actor, "certificate of the signature")
    with listening(client.client_id, shown.address):
        signed = signature.verify(root, security, signer)
    shown.add(client, Proof.SIGNATURE)
    return signed


def _rebuilt(body: etree._Element) -> etree._Element:
    """Return an envelope that holds nothing but what was signed."""
    envelope = etree.Element(f"{{{cim.SOAP}}}Envelope", nsmap={"soap": cim.SOAP})
    envelope.append(body)
    return envelope


def actor_of(caller: Caller | None, security: Security | None, address: str) -> Actor:
    """Return who a refused message is recorded for; a name nobody has proved is marked so."""
    if caller is not None:
        return caller.actor
    token = None if security is None else security.username_token
    said = f"unknown ({token.username[:40]}?)" if token else "unknown"
    return replace(NOBODY, name=said, address=address)


def _trust_error(error: ForbiddenError) -> TrustError:
    fault = "InvalidSecurity" if error.cim_code == "7.3" else "InvalidSecurityToken"
    return TrustError(error.message, cim_code=error.cim_code, fault=fault)
