"""One runner per shard in this process; a call that comes meanwhile is not lost and not stacked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Who runs which shard now, and whether somebody asked again since."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._running: set[int] = set()
        self._wanted: set[int] = set()

    @contextmanager
    def take(self, shard: int) -> Iterator[bool]:
        """Yield True to the only runner of a shard, False when there is one already."""
        with self._guard:
            self._wanted.add(shard)
            mine = shard not in self._running
            if mine:
                self._running.add(shard)
        try:
            yield mine
        finally:
            if mine:
                with self._guard:
                    self._running.discard(shard)

    def wanted(self, shard: int) -> bool:
        """Whether there is something to run; forgets the wish, and ends the turn when none."""
        with self._guard:
            if shard in self._wanted:
                self._wanted.discard(shard)
                return True
            self._running.discard(shard)
            return False
