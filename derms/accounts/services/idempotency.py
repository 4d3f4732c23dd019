"""Keys of requests that may come twice, and the reply each got."""

import datetime as dt
from dataclasses import dataclass

from django.db import connection

from derms.accounts.models import IdempotencyKey
from derms.core import clock
from derms.core.errors import RuleViolationError

MAX_KEY = 128
_CLAIM = """
INSERT INTO accounts_idempotencykey
    (caller, key, route, request_sha256, created_at, status, headers, body)
VALUES (%s, %s, %s, %s, %s, 0, '{}', '') ON CONFLICT (caller, key) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """One request: whose, under which key, and what exactly was asked."""

    caller: str
    key: str
    route: str
    request_sha256: str


def claim_key(claim: Claim) -> IdempotencyKey | None:
    """Take the key for this transaction, waiting for another that holds it.

    Returns:
        None when the key is ours and the work is to be done, else the reply kept earlier.

    Raises:
        RuleViolationError: the key was used for another request.
        django.db.OperationalError: the holder did not finish within 10 s.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '10s'")
        cursor.execute(
            _CLAIM, [claim.caller, claim.key, claim.route, claim.request_sha256, clock.now()]
        )
        fresh = cursor.rowcount == 1
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")
    if fresh:
        return None
    known = IdempotencyKey.objects.get(caller=claim.caller, key=claim.key)
    if (known.route, known.request_sha256) != (claim.route, claim.request_sha256):
        raise RuleViolationError(
            "This Idempotency-Key was used for another request.", code="idempotency_conflict"
        )
    return known


def keep_reply(claim: Claim, *, status: int, headers: dict[str, str], body: bytes) -> None:
    """Keep the reply of a claimed key in the same transaction."""
    IdempotencyKey.objects.filter(caller=claim.caller, key=claim.key).update(
        status=status, headers=headers, body=body
    )


def forget_keys(*, older_than: dt.timedelta) -> int:
    """Delete keys claimed longer ago than `older_than`; return how many."""
    count, _ = IdempotencyKey.objects.filter(created_at__lt=clock.now() - older_than).delete()
    return count
