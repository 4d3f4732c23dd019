"""What the services of accounts share: audit states, and names that may exist once."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import IntegrityError

from derms.accounts.models import ApiClient, Organisation, User
from derms.audit import services as audit
from derms.core.actors import Actor
from derms.core.errors import RuleViolationError


def state_of(thing: User | ApiClient | Organisation) -> dict[str, Any]:
    """Return what audit keeps of an account: everything but secrets."""
    if isinstance(thing, User):
        return {
            "username": thing.username,
            "full_name": thing.first_name,
            "is_active": thing.is_active,
            "roles": sorted(grant.role for grant in thing.role_grants.all()),
        }
    if isinstance(thing, ApiClient):
        return {
            "client_id": thing.client_id,
            "name": thing.name,
            "is_active": thing.is_active,
            "stage": thing.stage,
            "roles": list(thing.roles),
            "demands": list(thing.demands),
            "signs_replies": thing.signs_replies,
            "password_digest": thing.password_digest,
            "grants": thing.grants,
            "retired": thing.retired_at is not None,
        }
    return {"name": thing.name, "kind": thing.kind, "is_active": thing.is_active}


def write_record(
    action: str, thing: User | ApiClient | Organisation, before: dict[str, Any] | None, actor: Actor
) -> None:
    """Write the audit record of a change to an account."""
    audit.record(
        action=action,
        object_type=type(thing).__name__,
        object_mrid=thing.mrid,
        before=before,
        after=state_of(thing),
        actor=actor,
    )


def refuse_retired(client: ApiClient) -> None:
    """Leave a client that has retired as it is.

    Raises:
        RuleViolationError: it has.
    """
    if client.retired_at is not None:
        raise RuleViolationError(f"{client.client_id} has retired for good.", code="retired")


@contextlib.contextmanager
def taken_once(field: str, value: str) -> Iterator[None]:
    """Turn the database's refusal of a second `value` into one sentence.

    Raises:
        RuleViolationError: the value is taken.
    """
    try:
        yield
    except IntegrityError as error:
        raise RuleViolationError(f"{value!r} is taken.", code="taken", field=field) from error
