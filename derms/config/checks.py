"""System checks: production refuses default keys, DEBUG and missing TLS settings."""

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register("derms")
def production_is_safe(**_: Any) -> Sequence[CheckMessage]:
    """Return one error per unsafe setting when DERMS_ENV is production."""
    if not settings.PRODUCTION:
        return []
    faults = {
        "E001": (settings.DEBUG, "DERMS_DEBUG must be false in production"),
        "E002": (
            settings.SECRET_KEY == settings.INSECURE_KEY or len(settings.SECRET_KEY) < 50,
            "DERMS_SECRET_KEY must be a private value of 50 characters or more",
        ),
        "E003": (
            not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS,
            "DERMS_ALLOWED_HOSTS must name the hosts served",
        ),
        "E004": (
            not settings.SESSION_COOKIE_SECURE or settings.SECURE_HSTS_SECONDS == 0,
            "DERMS_TLS and DERMS_HSTS_S must not be switched off in production",
        ),
        "E005": (
            "DERMS_FAILPOINTS" in os.environ,
            "DERMS_FAILPOINTS belongs to tests and must not be set in production",
        ),
    }
    return [Error(text, id=f"derms.{code}") for code, (bad, text) in faults.items() if bad]
