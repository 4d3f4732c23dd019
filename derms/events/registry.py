"""Who listens to which fact. Filled by `handlers.py` of every room when Django starts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar


class Fact(Protocol):
    """A frozen dataclass of JSON-able fields that names its topic `room.snake_name`."""

    topic: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


F = TypeVar("F", bound=Fact)
Handler = Callable[[Any], None]


@dataclass
class Subscription:
    """The class a topic is read back into, and the handlers that receive it."""

    fact_class: type[Any]
    handlers: dict[str, Handler] = field(default_factory=dict)


_subscriptions: dict[str, Subscription] = {}


def subscribe(fact_class: type[F]) -> Callable[[Callable[[F], None]], Callable[[F], None]]:
    """Register the decorated function for every fact of `fact_class`.

    The handler runs in a transaction of its own; what it writes to the database takes effect
    exactly once, anything else at least once.

    Raises:
        ValueError: the topic already belongs to another class, or the name is taken twice.
    """

    def register(handler: Callable[[F], None]) -> Callable[[F], None]:
        entry = _subscriptions.setdefault(fact_class.topic, Subscription(fact_class))
        if entry.fact_class is not fact_class:
            raise ValueError(f"topic {fact_class.topic} belongs to {entry.fact_class}")
        name = f"{handler.__module__}.{handler.__qualname__}"
        if name in entry.handlers:
            raise ValueError(f"{name} subscribes twice to {fact_class.topic}")
        entry.handlers[name] = handler
        return handler

    return register


def find_subscription(topic: str) -> Subscription | None:
    """Return who listens to `topic`; None when nobody does."""
    return _subscriptions.get(topic)


def unsubscribe(fact_class: type[Any]) -> None:
    """Forget every handler of a fact class; for tests that bring their own facts."""
    _subscriptions.pop(fact_class.topic, None)
