"""What a browser may subscribe to: names, permissions, snapshots.

Rooms register their topics in `handlers.py`. A topic `group` registered as detailed is
subscribed to as `group:<mrid>`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from derms.core.actors import Actor
from derms.core.errors import InvalidInputError, NotFoundError

Snapshot = Callable[[dict[str, Any], Actor], Any]
RowFilter = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
MAX_WATCHED_ROWS = 200


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing to watch.

    Attributes:
        name: Lower-case word; `group:{mrid}` makes it detailed, one stream for each mRID.
        permission: Row of `derms.accounts.permissions.PERMISSIONS` the subscriber needs.
        snapshot: Called with the subscription's args (detailed: `mrid` among them) and the
            actor; returns JSON-able data: all rows a later delta may replace.
        row_key: Field that names a row, for topics whose subscriber picks rows by `ids`.
        picked: True when a subscriber must say which rows (`ids`, at most 200) and gets only
            those.
        visible: Returns what keeps of a delta's rows those an actor may see, or None when he sees
            all. It is asked in the event loop and may not touch the database; the filter it returns
            runs in a thread and may. Rows are shared between subscribers: keep or drop them, never
            change them.
    """

    name: str
    permission: str
    snapshot: Snapshot
    row_key: str = "mrid"
    picked: bool = False
    visible: Callable[[Actor], RowFilter | None] | None = None

    @property
    def base(self) -> str:
        """Name without the `:{mrid}` of a detailed topic."""
        return self.name.partition(":")[0]

    def filter_for(self, actor: Actor) -> RowFilter | None:
        """Return what an actor's rows are picked out with; None when he sees all."""
        return None if self.visible is None else self.visible(actor)

    @property
    def detailed(self) -> bool:
        """True when each mRID is a stream of its own."""
        return ":" in self.name


_topics: dict[tuple[str, bool], Topic] = {}


def register(topic: Topic) -> None:
    """Make a topic known.

    Raises:
        ValueError: the name is taken.
    """
    key = (topic.base, topic.detailed)
    if key in _topics:
        raise ValueError(f"topic {topic.name} is registered twice")
    _topics[key] = topic


def registered() -> Mapping[str, Topic]:
    """Return all topics by name."""
    return {topic.name: topic for topic in _topics.values()}


def find_topic(name: str) -> tuple[Topic, str]:
    """Return the topic a subscription names, and the mRID of a detailed one (else empty).

    Raises:
        NotFoundError: no such topic.
    """
    base, colon, mrid = name.partition(":")
    topic = _topics.get((base, bool(colon)))
    if topic is None or (colon and not mrid):
        raise NotFoundError(f"There is no topic {name[:100]!r}.", code="unknown_topic")
    return topic, mrid


def picked_ids(topic: Topic, args: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the rows a subscription picked as text; None when the topic sends all.

    Raises:
        InvalidInputError: `ids` is missing, not a list, or longer than 200.
    """
    if not topic.picked:
        return None
    ids = args.get("ids")
    if not isinstance(ids, list) or len(ids) > MAX_WATCHED_ROWS:
        raise InvalidInputError(f"ids must be a list of at most {MAX_WATCHED_ROWS}.", field="ids")
    return frozenset(str(one) for one in ids)
