"""How many wrong passwords are allowed, counted in Valkey for all processes.

People who log in: three counters, each over DERMS_LOGIN_WINDOW_S from its first attempt:
- account and address together: DERMS_LOGIN_ATTEMPTS;
- address, whatever the account (one machine trying many names): five times as many;
- account, whatever the address (many machines trying one name): five times as many, but this
  one does not stop an address from which that account has logged in within 30 days, so an
  attacker cannot lock an operator out of the control room.
Attempts are counted before the password is checked, so that parallel attempts cannot slip by;
a right password gives its attempt back.

Systems that call, hundreds of times a second: refusals alone are counted, over
DERMS_CALL_REFUSAL_WINDOW_S from the first one. After DERMS_CALL_REFUSALS of a client at an address,
or five times as many at an address, callers are told to wait before anything is checked. A client
that has shown a good proof from that address within a day is always heard: a neighbour with an old
secret, or another client behind the same address, cannot lock it out.
"""

import hashlib
import logging
from dataclasses import dataclass

import redis
from django.conf import settings

from derms.core import valkey

_WIDE = 5
_KNOWN_S = 30 * 86400
_HEARD_S = 86400
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


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a system: the client it says it is (empty = nobody can tell), and from where."""

    client_id: str
    address: str

    @property
    def counters(self) -> tuple[str, str]:
        """Keys of its refusals: of the client at the address, and of the address."""
        return f"derms:call:pair:{self._hash}:{self.address}", f"derms:call:address:{self.address}"

    @property
    def known(self) -> str:
        """Key that is there while the client is known to call from the address."""
        return f"derms:call:known:{self._hash}:{self.address}"

    @property
    def _hash(self) -> str:
        return hashlib.sha256(self.client_id.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Hearing:
    """Whether a caller is listened to: after how long [s], and whether it is at home there."""

    wait_s: int = 0
    is_known: bool = True


def hear(call: Call) -> Hearing:
    """Say whether a caller is listened to, before its proof is checked.

    One round trip, and nothing is counted. Without Valkey everybody is heard.
    """
    try:
        with valkey.client().pipeline(transaction=False) as pipe:
            pipe.mget(*call.counters, call.known)
            for key in call.counters:
                pipe.ttl(key)
            (pair, address, known), *left = pipe.execute()
    except redis.RedisError:
        return Hearing()
    if known:
        return Hearing()
    return Hearing(_wait([int(pair or 0) + 1, int(address or 0) + 1], left), is_known=False)


def note_refusal(call: Call) -> int:
    """Count a bad proof; return how long to wait before the next try [s], 0 = it may come."""
    try:
        with valkey.client().pipeline() as pipe:
            for key in call.counters:
                pipe.set(key, 0, ex=settings.CALL_REFUSAL_WINDOW_S, nx=True)
                pipe.incr(key)
                pipe.ttl(key)
            answers = pipe.execute()
    except redis.RedisError:
        _log.exception("bad proofs of callers are not being counted")
        return 0
    return _wait(answers[1::3], answers[2::3])


def note_admission(call: Call) -> None:
    """Remember for a day that a client calls from an address."""
    try:
        valkey.client().set(call.known, 1, ex=_HEARD_S)
    except redis.RedisError:
        _log.warning("a good caller was not noted")


def _wait(counts: list[int], left_s: list[int]) -> int:
    """Return the longest wait of the counters (pair, address) that are beyond their limits."""
    few = settings.CALL_REFUSALS
    limits = (few, few * _WIDE)
    return max(
        (max(1, ttl) for count, ttl, limit in zip(counts, left_s, limits, strict=True)
         if count > limit),
        default=0,
    )  # fmt: skip
