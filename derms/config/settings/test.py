"""What differs under test, and nothing else: cheaper hashing and no manifest of static files."""

from derms.config.settings.base import *  # noqa: F403 - Django reads settings as module names

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Most tests are about live clients; those of the partner bench say otherwise.
NEW_CLIENT_STAGE = "live"
# All tests call from one address; those of the throttle set their own limit.
CALL_REFUSALS = 1_000_000
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
