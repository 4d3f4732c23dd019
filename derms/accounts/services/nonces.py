"""Nonces that were used: each counts once within the time in which a message is fresh.

They live in the database alone. A cache that may lose them would forget exactly when somebody
wants it to, and one row a message costs less than the message's own log row.
"""

import datetime as dt
import hashlib

from django.conf import settings
from django.db import IntegrityError, transaction

from derms.accounts.models import SeenNonce
from derms.core import clock


def note_nonce(*, client: str, nonce: str, message_sha256: str) -> bool:
    """Take a nonce for a message.

    Args:
        client: mRID of the API client.
        nonce: The nonce, of whatever kind and length.
        message_sha256: SHA-256 of the whole message, hexadecimal.

    Returns:
        True when it is new; False when this very message has used it before.

    Raises:
        LookupError: another message has used it: somebody plays back what he has heard.
    """
    nonce_sha256 = hashlib.sha256(nonce.encode()).hexdigest()
    # Created may be one skew ahead of us and stays fresh for one more; doubled to be sure.
    forget_at = clock.now() + dt.timedelta(seconds=4 * settings.CIM_CLOCK_SKEW_S)
    try:
        with transaction.atomic():
            SeenNonce.objects.create(
                client=client,
                nonce_sha256=nonce_sha256,
                message_sha256=message_sha256,
                forget_at=forget_at,
            )
    except IntegrityError:
        first = SeenNonce.objects.filter(client=client, nonce_sha256=nonce_sha256).first()
        if first is None or first.message_sha256 != message_sha256:
            raise LookupError(nonce_sha256) from None
        return False
    return True


def forget_nonces() -> int:
    """Delete nonces no message can be fresh with any more; return how many."""
    count, _ = SeenNonce.objects.filter(forget_at__lt=clock.now()).delete()
    return count
