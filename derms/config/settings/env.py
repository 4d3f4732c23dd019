"""Typed readers of environment variables that fail loudly.

Every setting of the product is read through one of these; `X_FILE` names a file that holds the
value of `X` (Docker and systemd secrets).
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _raw(name: str) -> str | None:
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE={file} cannot be read: {error}") from error
    return os.environ.get(name)


def env_given(name: str) -> bool:
    """Return whether the variable (or its `_FILE`) is set."""
    return name in os.environ or f"{name}_FILE" in os.environ


def env_str(name: str, default: str | None = None, *, choices: tuple[str, ...] = ()) -> str:
    """Read text; without a default the variable is required.

    Raises:
        ImproperlyConfigured: missing, or not one of `choices`.
    """
    value = _raw(name)
    if value is None:
        if default is None:
            raise ImproperlyConfigured(f"Environment variable {name} is required")
        value = default
    if choices and value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r} must be one of {', '.join(choices)}")
    return value


def env_bool(name: str, *, default: bool) -> bool:
    """Read a truth value: 1/true/yes/on or 0/false/no/off.

    Raises:
        ImproperlyConfigured: anything else.
    """
    value = _raw(name)
    if value is None:
        return default
    if value.lower() in _TRUE:
        return True
    if value.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is not a truth value (true or false)")


def env_int(name: str, default: int, *, low: int | None = None, high: int | None = None) -> int:
    """Read a whole number inside [low, high].

    Raises:
        ImproperlyConfigured: not a number, or outside the range.
    """
    return int(env_float(name, default, low=low, high=high, whole=True))


def env_float(
    name: str,
    default: float,
    *,
    low: float | None = None,
    high: float | None = None,
    whole: bool = False,
) -> float:
    """Read a number inside [low, high].

    Raises:
        ImproperlyConfigured: not a number, or outside the range.
    """
    value = _raw(name)
    if value is None:
        return default
    try:
        number = int(value) if whole else float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r} is not a number") from error
    if (low is not None and number < low) or (high is not None and number > high):
        raise ImproperlyConfigured(f"{name}={value} must lie in [{low}, {high}]")
    return number


def env_list(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Read a comma-separated list; blanks are dropped."""
    value = _raw(name)
    if value is None:
        return list(default)
    return [part.strip() for part in value.split(",") if part.strip()]


def env_url(name: str, default: str, *, schemes: tuple[str, ...]) -> str:
    """Read a URL of one of `schemes`.

    Raises:
        ImproperlyConfigured: another scheme or no host.
    """
    value = env_str(name, default)
    parts = urlsplit(value)
    if parts.scheme not in schemes or not (parts.netloc or parts.path or parts.query):
        raise ImproperlyConfigured(f"{name} must be a URL with scheme {' or '.join(schemes)}")
    return value
