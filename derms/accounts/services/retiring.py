"""The end of an API client: for good, with everything by which it was known."""

import secrets

from django.db import transaction

from derms.accounts import selectors
from derms.accounts.events import ClientRetired
from derms.accounts.models import ApiClient
from derms.accounts.services.clients import secret_hash
from derms.accounts.services.records import refuse_retired, state_of
from derms.audit import services as audit
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError
from derms.events.services import publish


def retire_client(*, mrid: str, reason: str, actor: Actor) -> ApiClient:
    """Switch an API client off for good: it is refused from its next call on.

    Its secret is thrown away and its certificates are revoked. Its id stays taken, and its
    messages and audit records stay. Its partner and subscriptions end with the fact.

    Args:
        mrid: mRID of the API client.
        reason: Why; kept with the certificates and in the audit record.
        actor: Who retires it.

    Raises:
        NotFoundError: no such client.
        InvalidInputError: no reason given.
        RuleViolationError: it has retired before.
    """
    if not reason.strip():
        raise InvalidInputError("Say why.", field="/reason")
    now = clock.now()
    with transaction.atomic():
        client = selectors.lock_client(mrid)
        refuse_retired(client)
        before = state_of(client)
        client.is_active = False
        client.retired_at = now
        client.secret_sha256 = secret_hash(secrets.token_urlsafe(32))
        client.save(update_fields=["is_active", "retired_at", "secret_sha256"])
        revoked = client.certificates.filter(revoked_at__isnull=True)
        fingerprints = list(revoked.values_list("sha256", flat=True))
        revoked.update(revoked_at=now, revoked_reason=f"Client retired: {reason}"[:200])
        audit.record(
            action="accounts.retire_client",
            object_type="ApiClient",
            object_mrid=mrid,
            before=before,
            after=state_of(client) | {"reason": reason, "revoked": fingerprints},
            actor=actor,
        )
        publish(ClientRetired(mrid=mrid, client_id=client.client_id, by=actor.name))
    return client
