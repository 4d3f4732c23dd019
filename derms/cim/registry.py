"""Which operation serves which message: rooms register profiles, the engine looks them up.

A room lists its profiles in `<room>/cim/__init__.py: PROFILES` and its `apps.py` registers them.
Two profiles with one path and root are a mistake and raise at start.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lxml import etree

from derms.cim import names
from derms.cim.envelope import Header, Outcome
from derms.cim.schema import MessageSet
from derms.core.actors import Actor


@dataclass(frozen=True, slots=True)
class Call:
    """One valid request handed to a profile.

    Attributes:
        content: The profile element, e.g. `DERGroups` or `DERGroupQueries`.
        header: The request's header.
        actor: The API client that sent it.
    """

    content: etree._Element
    header: Header
    actor: Actor


@dataclass(frozen=True, slots=True)
class Profile:
    """One operation of one service.

    Attributes:
        service: WSDL service, e.g. `ExecuteDERGroups`.
        path: Below `/61968-5/`, e.g. `create/executeDERGroups`.
        operation: WSDL operation and end of the SOAPAction, e.g. `CreateDERGroups`.
        verb: Verb the header must carry.
        messages: Noun, query profile and constrained or not.
        handle: Reads the content, calls the services of its room, returns the outcome.
    """

    service: str
    path: str
    operation: str
    verb: str
    messages: MessageSet
    handle: Callable[[Call], Outcome]

    @property
    def noun(self) -> str:
        """The base noun: of the header, of replies and of permissions."""
        return self.messages.noun

    @property
    def name(self) -> str:
        """The operation's name, as the WSDL template calls it."""
        return self.operation

    @property
    def root(self) -> str:
        """Local name of the body's root element."""
        query = self.messages.query
        return f"{query}RequestMessage" if query else self.operation

    @property
    def part(self) -> str:
        """Which part of the message carries the profile."""
        return "Request" if self.messages.query else "Payload"

    @property
    def soap_action(self) -> str:
        """The full SOAPAction."""
        return f"{names.base()}{self.noun}/{self.operation}"

    @property
    def permission(self) -> str:
        """Permission the client needs."""
        return f"cim.{self.noun}.{self.verb}"


_services: dict[str, dict[str, Profile]] = {}


def register(profiles: Iterable[Profile]) -> None:
    """Add profiles; call it from `apps.ready()`.

    Raises:
        ValueError: path and root are taken, or the profiles of one path do not fit together.
    """
    for profile in profiles:
        known = _services.setdefault(profile.path.lower(), {})
        if profile.root in known:
            raise ValueError(f"{profile.root} at {profile.path} is registered twice")
        if any(
            (p.service, p.messages) != (profile.service, profile.messages) for p in known.values()
        ):
            raise ValueError(f"{profile.path} cannot be two services")
        known[profile.root] = profile


def service_at(path: str) -> dict[str, Profile]:
    """Return the profiles of the service at a path by body root; empty when there is none."""
    return _services.get(path.lower(), {})


def all_profiles() -> list[Profile]:
    """Return every registered profile, ordered by path."""
    return [p for path in sorted(_services) for p in _services[path].values()]
