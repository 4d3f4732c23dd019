"""How many wrong passwords are allowed, counted in Valkey for all processes.

Three counters, each over DERMS_LOGIN_WINDOW_S from its first attempt:
- account and address together: DERMS_LOGIN_ATTEMPTS;
- address, whatever the account (one machine trying many names): five times as many;
- account, whatever the address (many machines trying one name): five times as many, but this
  one does not stop an address from which that account has logged in within 30 days, so an
  attacker cannot lock an operator out of the control room.
Attempts are counted before the password is checked, so that parallel attempts cannot slip by;
a right password gives its attempt back.
"""

import hashlib
import logging
from dataclasses import dataclass

import redis
from django.conf import settings

from derms.core import valkey

_WIDE = 5
_KNOWN_S = 30 * 86400
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to log in: which name from where."""

    username: str
    address: str

    @property
    def account(self) -> str:
        """The name as a fixed-length key; names are not told apart by case here."""
        return hashlib.sha256(self.username.casefold().encode()).hexdigest()[:32]


def _limits(attempt: Attempt) -> dict[str, int]:
    few = settings.LOGIN_ATTEMPTS
    return {
        f"derms:login:pair:{attempt.account}:{attempt.address}": few,
        f"derms:login:address:{attempt.address}": few * _WIDE,
        f"derms:login:account:{attempt.account}": few * _WIDE,
    }


def _known_key(attempt: Attempt) -> str:
    return f"derms:login:known:{attempt.account}:{attempt.address}"


def seconds_to_wait(attempt: Attempt) -> int:
    """Count an attempt; return 0 when it may be made, else how long to wait [s].

    Without Valkey nobody is stopped: operators must get in while things are broken.
    """
    limits = _limits(attempt)
    try:
        with valkey.client().pipeline() as pipe:
            for key in limits:
                pipe.set(key, 0, ex=settings.LOGIN_WINDOW_S, nx=True)
                pipe.incr(key)
                pipe.ttl(key)
            pipe.exists(_known_key(attempt))
            *answers, known = pipe.execute()
    except redis.RedisError:
        _log.exception("logins are not being counted")
        return 0
    waits = [0]
    for place, (key, limit) in enumerate(limits.items()):
        count, ttl = answers[3 * place + 1], answers[3 * place + 2]
        if count > limit and not (known and ":account:" in key):
            waits.append(max(1, ttl))
    return max(waits)


def note_success(attempt: Attempt) -> None:
    """Give a successful attempt back, and remember that this account is at home here."""
    pair, address, account = _limits(attempt)
    try:
        with valkey.client().pipeline() as pipe:
            pipe.delete(pair)
            pipe.decr(address)
            pipe.decr(account)
            # A counter that expired in between would come back without an end.
            pipe.expire(address, settings.LOGIN_WINDOW_S, nx=True)
            pipe.expire(account, settings.LOGIN_WINDOW_S, nx=True)
            pipe.set(_known_key(attempt), 1, ex=_KNOWN_S)
            pipe.execute()
    except redis.RedisError:
        _log.exception("a successful login was not noted")
