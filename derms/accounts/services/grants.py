"""What an API client may do of what its roles allow, written by administrators."""

from collections.abc import Collection

from django.db import transaction

from derms.accounts import selectors
from derms.accounts.models import ApiClient
from derms.accounts.rules.grants import check_grants, revision_of
from derms.accounts.services.records import refuse_retired, state_of, write_record
from derms.core.actors import Actor, Grant
from derms.core.errors import RuleViolationError


def set_grants(
    *, mrid: str, grants: Collection[Grant], expected_revision: str | None = None, actor: Actor
) -> ApiClient:
    """Replace the grants of an API client; they hold from its next call on, also for push.

    Args:
        mrid: mRID of the API client.
        grants: All it shall have; none = whatever its roles allow.
        expected_revision: `revision_of` those the administrator saw; None = whatever it has.
        actor: Who asks.

    Raises:
        NotFoundError: no such client.
        InvalidInputError: unknown noun or verb, one that allows nothing, or too many.
        RuleViolationError: somebody else changed them meanwhile (`stale_revision`), or the
            client has retired.
    """
    wanted = check_grants(grants)
    with transaction.atomic():
        client = selectors.lock_client(mrid)
        refuse_retired(client)
        if expected_revision is not None and expected_revision != revision_of(client.grants):
            raise RuleViolationError(
                "Somebody else changed the grants meanwhile", code="stale_revision"
            )
        before = state_of(client)
        client.grants = wanted
        client.save(update_fields=["grants"])
        write_record("accounts.set_grants", client, before, actor)
    return client
