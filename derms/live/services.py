"""Push live values to browsers from any process: cheap, numbered, may be lost.

A tick is one Lua call to Valkey that takes the topic's next number and publishes the frame to
the channel layer's group, so numbers and frames cannot change places. The body is serialised
once, here; consumers only put the subscription id before it.
"""

import logging
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson
import redis
from django.conf import settings

from derms.core import clock, valkey
from derms.live import topics

_GROUP_NAME = re.compile(r"^[A-Za-z0-9._-]{1,80}$")
# KEYS: number key. ARGV: group channel, topic, body. What is published is what the channel layer
# itself would publish for group_send; it is packed here because the number stands inside. A
# number forgotten after a week starts again, which subscribers notice.
_PUSH = """
local seq = redis.call('INCR', KEYS[1])
if seq == 1 then redis.call('EXPIRE', KEYS[1], 604800) end
redis.call('PUBLISH', ARGV[1],
    cmsgpack.pack({type = 'live.tick', topic = ARGV[2], seq = seq, body = ARGV[3]}))
return seq
"""
_WATCH_TTL_S = 30.0
_log = logging.getLogger(__name__)


def group_name(topic: str) -> str:
    """Return the channel-layer group of a topic; odd mRIDs are hashed into a legal name."""
    name = topic.replace(":", ".")
    if _GROUP_NAME.match(name):
        return name
    return "x." + sha256(topic.encode()).hexdigest()


def sequence_key(topic: str) -> str:
    """Return the Valkey key that counts the deltas of a topic."""
    return f"derms:live:seq:{topic}"


@lru_cache(maxsize=1)
def _group_prefix() -> str:
    # Same name as RedisPubSubLoopLayer._get_group_channel_name; a test holds the two together.
    layer: Any = settings.CHANNEL_LAYERS["default"]
    return f"{layer['CONFIG']['prefix']}__group__"


def push_tick(topic: str, rows: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> None:
    """Send a numbered delta to everybody watching `topic`; nothing happens without watchers.

    Args:
        topic: `groups`, or `group:<mrid>` for a detailed topic.
        rows: One row or several; each replaces the row the browser has under its key. Dates,
            UUIDs, enumerations and numpy numbers are allowed. Of a picked topic only the rows
            somebody looks at are sent.
    """
    push_ticks([(topic, rows)])


def push_ticks(ticks: Iterable[tuple[str, Any]]) -> None:
    """Send many deltas in one round trip; each as `push_tick` does."""
    at = clock.now().isoformat(timespec="milliseconds")
    try:
        with valkey.client().pipeline(transaction=False) as pipe:
            for topic, all_rows in ticks:
                rows = _picked(topic, all_rows)
                if rows is None:
                    continue
                body = orjson.dumps({"t": at, "data": rows}, option=_OPTIONS, default=str)
                pipe.eval(
                    _PUSH,
                    1,
                    sequence_key(topic),
                    _group_prefix() + group_name(topic),
                    topic,
                    body[1:-1],
                )
            pipe.execute()
    except redis.RedisError:
        _log.warning("live values not pushed", exc_info=True)


def _picked(name: str, rows: Any) -> Any:
    """Return the rows of a picked topic that somebody looks at; None when there are none."""
    topic = topics.registered().get(name)
    if topic is None or not topic.picked or isinstance(rows, Mapping):
        return rows
    seen = watched(topic.base)
    return [row for row in rows if str(row[topic.row_key]) in seen] or None


_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


def _watch_key(base: str) -> str:
    return f"derms:live:watch:{base}"


_watched: dict[str, tuple[float, frozenset[str]]] = {}


def watched(base: str) -> frozenset[str]:
    """Return what browsers look at now: row ids of a picked topic, mRIDs of a detailed one.

    Read at most once a second by each process, so callers may ask every tick.
    """
    now = time.time()
    at, known = _watched.get(base, (0.0, frozenset()))
    if now - at < 1.0:
        return known
    try:
        found: Any = valkey.client().zrangebyscore(_watch_key(base), now, "+inf")
    except redis.RedisError:
        return frozenset()
    known = frozenset(member.decode() for member in found)
    _watched[base] = (now, known)
    return known


def note_watched(wanted: Mapping[str, Iterable[str]]) -> None:
    """Note what browsers look at, by topic, for the next half minute.

    Raises:
        redis.RedisError: Valkey does not answer.
    """
    now = time.time()
    with valkey.client().pipeline(transaction=False) as pipe:
        for base, members in wanted.items():
            pipe.zremrangebyscore(_watch_key(base), "-inf", now)
            pipe.zadd(_watch_key(base), dict.fromkeys(members, now + _WATCH_TTL_S))
            pipe.expire(_watch_key(base), int(2 * _WATCH_TTL_S))
        pipe.execute()
