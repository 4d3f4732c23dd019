"""The roof: settings, URLs, ASGI, Celery, system checks and the supervisor. Nobody imports it.

Read first: `settings/base.py`, `urls.py`, `celery.py`.
"""

from derms.config.celery import app as celery_app

__all__ = ["celery_app"]
