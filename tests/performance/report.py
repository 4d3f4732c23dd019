"""What a benchmark returns: our figure, the floor measured in the same run, and their ratio."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of `make bench`.

    `ours` and `floor` are in `unit`; `goal` says what the ratio or figure should hold, as text;
    `held` is None where there is no goal.
    """

    name: str
    ours: float
    floor: float | None
    unit: str
    floor_name: str = ""
    goal: str = ""
    held: bool | None = None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.floor else None


def median_s(work: Callable[[], object], *, rounds: int = 5, warm_up: int = 1) -> float:
    """Return the median wall time of `work` in seconds."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
