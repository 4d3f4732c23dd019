"""Certificates by which API clients are known: registered, revoked, found by fingerprint."""

from django.db import transaction

from derms.accounts import selectors
from derms.accounts.models import ClientCertificate
from derms.accounts.rules import certificates as rules
from derms.accounts.services.records import refuse_retired, taken_once
from derms.audit import services as audit
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError, RuleViolationError

_MOST_VALID = 20


def register_certificate(*, mrid: str, pem: str, actor: Actor) -> ClientCertificate:
    """Let an API client be known by a certificate, beside those it has: that is the roll-over.

    Args:
        mrid: mRID of the API client.
        pem: One X.509 certificate in PEM form, without its key.
        actor: Who registers it.

    Raises:
        NotFoundError: no such client.
        InvalidInputError: not readable, too weak, or expired.
        RuleViolationError: registered before, for whatever client, too many, or the client has
            retired.
    """
    certificate = rules.load_certificate(pem)
    rules.check_strength(certificate)
    facts = rules.facts_of(certificate)
    now = clock.now()
    if facts.not_after < now:
        raise InvalidInputError(
            f"The certificate has expired at {facts.not_after:%Y-%m-%dT%H:%M:%SZ}.",
            code="bad_certificate",
            field="/pem",
        )
    with transaction.atomic(), taken_once("pem", "This certificate"):
        client = selectors.lock_client(mrid)
        refuse_retired(client)
        if client.certificates.filter(revoked_at__isnull=True).count() >= _MOST_VALID:
            raise RuleViolationError(f"A client has at most {_MOST_VALID} certificates.")
        row = ClientCertificate.objects.create(
            client=client,
            sha256=facts.sha256,
            pem=facts.pem,
            subject=facts.subject,
            issuer=facts.issuer,
            serial=facts.serial,
            key=facts.key,
            not_before=facts.not_before,
            not_after=facts.not_after,
            registered_at=now,
            registered_by=actor.name,
        )
        audit.record(
            action="accounts.register_certificate",
            object_type="ApiClient",
            object_mrid=mrid,
            after={
                "client_id": client.client_id,
                "sha256": facts.sha256,
                "subject": facts.subject,
                "issuer": facts.issuer,
                "not_after": facts.not_after,
            },
            actor=actor,
        )
    return row


def revoke_certificate(*, mrid: str, sha256: str, reason: str, actor: Actor) -> ClientCertificate:
    """Stop taking a certificate, from the next message on and for good.

    Raises:
        NotFoundError: no such client, or no such certificate of it.
        RuleViolationError: revoked before.
    """
    with transaction.atomic():
        client = selectors.lock_client(mrid)
        row = selectors.get_certificate(client, sha256)
        if row.revoked_at is not None:
            raise RuleViolationError("This certificate was revoked before.", code="revoked")
        row.revoked_at = clock.now()
        row.revoked_reason = reason[:200]
        row.save(update_fields=["revoked_at", "revoked_reason"])
        audit.record(
            action="accounts.revoke_certificate",
            object_type="ApiClient",
            object_mrid=mrid,
            after={"client_id": client.client_id, "sha256": sha256, "reason": reason},
            actor=actor,
        )
    return row
