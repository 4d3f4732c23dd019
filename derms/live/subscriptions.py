"""One subscription of one socket: what it has seen, and what a delta becomes for it."""

from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Any

import orjson

from derms.live.topics import RowFilter, Topic

_MAX_BUFFER = 500


class Verdict(Enum):
    """What a numbered delta means to a subscription."""

    SEND = auto()
    KEEP = auto()
    OLD = auto()
    GAP = auto()


@dataclass(slots=True)
class Subscription:
    """What a browser asked for under an id of its own choice.

    Attributes:
        id: The browser's name for it, repeated in every frame.
        name: Topic as asked for, `group:<mrid>` for a detailed one.
        topic: Its registration.
        args: Arguments of the snapshot.
        ids: Rows picked, as text; None = all.
        seq: Number of the last delta sent, or of the snapshot.
        snapped: Number of the last snapshot sent, which holds every delta up to it.
        loading: True until the snapshot is sent; deltas wait in `waiting`.
        checked: `seq` at the last round of the watchman.
        behind: Rounds in a row that found the topic elsewhere while `seq` stood still.
    """

    id: str
    name: str
    topic: Topic
    args: dict[str, Any]
    ids: frozenset[str] | None
    seq: int = 0
    snapped: int = 0
    loading: bool = True
    checked: int = -1
    behind: int = 0
    waiting: list[tuple[int, bytes]] = field(default_factory=list)

    def load(self, seq: int) -> list[tuple[int, bytes]]:
        """Take note of a snapshot with number `seq`; returns the deltas that waited for it."""
        self.seq = self.snapped = seq
        self.loading = False
        waiting, self.waiting = self.waiting, []
        return waiting

    def judge(self, seq: int, body: bytes) -> Verdict:
        """Say what to do with delta `seq`; one to keep is kept, one to send is counted."""
        if self.loading:
            if len(self.waiting) >= _MAX_BUFFER:
                return Verdict.GAP
            self.waiting.append((seq, body))
            return Verdict.KEEP
        if seq <= self.seq:
            return Verdict.OLD
        if seq > self.seq + 1:
            return Verdict.GAP
        self.seq = seq
        return Verdict.SEND

    def falls_behind(self, number: int) -> bool:
        """Say whether a delta was lost, told the number of the topic's last one.

        A topic that moves shows a lost delta by itself (GAP). This is for the one that went
        silent after it, and for numbers that went back because Valkey lost its last second: a
        subscription that stands still beside the topic for two rounds.
        """
        stands_still = self.seq == self.checked
        self.checked = self.seq
        self.behind = self.behind + 1 if stands_still and number != self.seq else 0
        return self.behind >= 2

    def frame(self, seq: int, body: bytes, wanted: RowFilter | None) -> bytes:
        """Return the delta as this subscriber gets it: its own rows only."""
        if self.ids is not None or wanted is not None:
            body = self._own_rows(seq, body, wanted)
        head = orjson.dumps({"op": "delta", "id": self.id, "topic": self.name, "seq": seq})
        return head[:-1] + b"," + body + b"}"

    def _own_rows(self, seq: int, body: bytes, wanted: RowFilter | None) -> bytes:
        parsed = _parse(self.name, seq, body)
        rows = parsed["data"]
        rows = rows if isinstance(rows, list) else [rows]
        if self.ids is not None:
            key = self.topic.row_key
            rows = [row for row in rows if str(row.get(key)) in self.ids]
        if wanted is not None and rows:
            rows = wanted(rows)
        return orjson.dumps({"t": parsed["t"], "data": rows})[1:-1]


@lru_cache(maxsize=64)
def _parse(_topic: str, _seq: int, body: bytes) -> dict[str, Any]:
    """Parse a delta once for all the subscribers of this process."""
    parsed: dict[str, Any] = orjson.loads(b"{" + body + b"}")
    return parsed
