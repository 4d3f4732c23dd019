"""One set of settings for every environment, read from the environment variables."""

from derms.config.settings.base import *  # noqa: F403 - Django reads settings as module names
