"""Which handler serves which operation: rooms register profiles, the engine looks them up.

A room lists its profiles in `<room>/cim/__init__.py: PROFILES` and its `apps.py` registers them.
Two profiles for one operation are a mistake and raise at start.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lxml import etree

from derms.cim.envelope import Header, Outcome
from derms.cim.operations import Operation
from derms.core.actors import Actor


@dataclass(frozen=True, slots=True)
class Call:
    """One valid request handed to a profile.

    Attributes:
        content: The profile element, e.g. `DERGroups` or `DERGroupQueries`; for an operation set
            the `OperationSet`.
        header: The request's header.
        actor: The API client that sent it.
    """

    content: etree._Element
    header: Header
    actor: Actor

    @property
    def part(self) -> etree._Element:
        """The `Request` or `Payload` around the content, with what else stands in it."""
        parent = self.content.getparent()
        return self.content if parent is None else parent


Handler = Callable[[Call], Outcome]
"""Reads the content, calls the services of its room, returns the outcome."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An operation that we host.

    Attributes:
        operation: Which one; `operations.get("CreateDERGroups")`.
        handle: What does the work.
    """

    operation: Operation
    handle: Handler


_services: dict[str, dict[str, Profile]] = {}


def register(profiles: Iterable[Profile]) -> None:
    """Add profiles; call it from `apps.ready()`.

    Raises:
        ValueError: the operation has a handler already.
    """
    for profile in profiles:
        operation = profile.operation
        known = _services.setdefault(operation.path.lower(), {})
        if operation.root in known:
            raise ValueError(f"{operation.name} at {operation.path} is registered twice")
        known[operation.root] = profile


def service_at(path: str) -> dict[str, Profile]:
    """Return the profiles of the service at a path by body root; empty when there is none."""
    return _services.get(path.lower(), {})


def profile_of(root: str) -> Profile | None:
    """Return the profile for the root of a typed message, wherever it is served."""
    return next((known[root] for known in _services.values() if root in known), None)


def all_profiles() -> list[Profile]:
    """Return every registered profile, ordered by path."""
    return [p for path in sorted(_services) for p in _services[path].values()]
