"""Partners' passwords and tokens at rest: sealed with a key that is not in the database.

The keys come from DERMS_SECRETS_KEYS: the first seals, all of them open, so a key is changed by
putting the new one in front. Source: Fernet (AES-128-CBC with HMAC-SHA-256).
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from derms.core.errors import RuleViolationError


def seal(secret: str) -> str:
    """Return the secret encrypted; empty stays empty."""
    return _box().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Return the secret of a sealed text; empty stays empty.

    Raises:
        RuleViolationError: none of the keys fits: it was sealed on another installation.
    """
    if not sealed:
        return ""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise RuleViolationError(
            "The stored credentials cannot be read with DERMS_SECRETS_KEYS; enter them again",
            code="unreadable_secret",
        ) from error


def _box() -> MultiFernet:
    """Return the keys as Fernet takes them: 32 bytes each, whatever was given as text."""
    keys = settings.SECRETS_KEYS or (settings.SECRET_KEY,)
    digests = (hashlib.sha256(b"derms partner secrets\0" + key.encode()).digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
