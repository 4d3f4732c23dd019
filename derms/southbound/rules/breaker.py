"""Circuit breaker of one device: after repeated silence, ask again ever more rarely.

Source: ours (southbound rules: a dead device costs at most one time-out per poll).
"""

from dataclasses import dataclass

THRESHOLD = 3
"""Failures in a row that open the breaker; also when a device counts as lost."""
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 15.0


@dataclass(slots=True)
class Breaker:
    """Counts silence. All instants are of one monotonic clock [s]."""

    failures: int = 0
    closed_again_at: float = 0.0

    def allows(self, now: float) -> bool:
        """Whether the device may be tried now."""
        return now >= self.closed_again_at

    def note(self, *, answered: bool, now: float) -> None:
        """Note the outcome of one try."""
        if answered:
            self.failures, self.closed_again_at = 0, 0.0
            return
        self.failures += 1
        if self.failures >= THRESHOLD:
            doublings = min(self.failures - THRESHOLD, 10)
            self.closed_again_at = now + min(FIRST_PAUSE_S * 2**doublings, LONGEST_PAUSE_S)
