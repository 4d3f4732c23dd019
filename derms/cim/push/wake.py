"""Ask for the delivery to a partner; the sweep of every second covers a lost wake."""

import logging

import redis
from celery import current_app
from kombu.exceptions import OperationalError

from derms.core import valkey

TASK = "derms.cim.tasks.deliver"
_log = logging.getLogger(__name__)


def ask(partner_id: int) -> None:
    """Start a delivery to the partner, once for a burst of commits."""
    try:
        if valkey.client().set(_key(partner_id), b"1", nx=True, px=5000):
            current_app.send_task(TASK, args=(partner_id,), queue="push", expires=30)
    except (redis.RedisError, OperationalError):
        _log.warning("delivery not woken; the sweep will find the messages", exc_info=True)


def forget(partner_id: int) -> None:
    """Note that a delivery has begun: what is pushed from now on asks for another one."""
    try:
        valkey.client().delete(_key(partner_id))
    except redis.RedisError:
        _log.warning("wake key not cleared; it expires by itself")


def _key(partner_id: int) -> str:
    return f"derms:push:wake:{partner_id}"
