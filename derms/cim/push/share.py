"""Threads are shared by all partners: those that take long hold only some of them at once.

Slow is who failed last (of which the database tells every process) or was long about it here.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 8
"""Half of the threads of the worker (`derms/config/processes.py`)."""
_SLOW_S = 1.0
_slow: set[int] = set()
_threads = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def of(partner_id: int, *, failing: bool) -> Iterator[bool]:
    """Hold a thread for a partner; False when too many slow ones hold theirs: try again later."""
    if not failing and partner_id not in _slow:
        yield True
        return
    got = _threads.acquire(blocking=False)
    try:
        yield got
    finally:
        if got:
            _threads.release()


def note(partner_id: int, taken_s: float) -> None:
    """Write down how long a partner's answer, or its silence, took."""
    if taken_s >= _SLOW_S:
        _slow.add(partner_id)
    else:
        _slow.discard(partner_id)
