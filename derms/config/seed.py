"""The first content of an installation: who may come in, and the simulated fleet."""

from collections.abc import Callable, Iterator


def steps() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what to do and its name; every step may be repeated without effect."""
    yield from ()
