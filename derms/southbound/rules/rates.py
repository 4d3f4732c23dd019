"""Which poll rate serves which device."""

from collections.abc import Sequence

_FOREVER_S = 2**31 - 1


def interval_range(rate_s: int, rates_s: Sequence[int]) -> tuple[int, int]:
    """Return the half-open range of poll intervals [s] that a rate serves.

    A device is polled at the slowest rate that is not slower than its interval; one that asks for
    more than the fastest rate gets the fastest.

    Args:
        rate_s: One of `rates_s` [s].
        rates_s: All rates in use [s], in any order.
    """
    faster = [r for r in rates_s if r < rate_s]
    slower = [r for r in rates_s if r > rate_s]
    return rate_s if faster else 0, min(slower, default=_FOREVER_S)
