"""System checks of the CIM room: a signing key that was configured can be used."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from derms.cim.security.signing import load_key


@register("derms")
def signing_key_is_usable(**_: Any) -> Sequence[CheckMessage]:
    """Return an error when key or certificate for signing replies are set and do not work."""
    if not (settings.CIM_SIGNING_KEY or settings.CIM_SIGNING_CERTIFICATE):
        return []
    try:
        load_key()
    except ValueError as error:
        return [Error(f"Replies cannot be signed: {error}", id="derms.E020")]
    return []
