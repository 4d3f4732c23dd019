"""Who asks: the actor that every service takes as its last argument and audit records.

Pure data, so rules, services and tasks can carry it without knowing HTTP.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class ActorKind(StrEnum):
    """What sort of caller stands behind a request."""

    USER = "user"
    CLIENT = "client"
    SYSTEM = "system"


class Role(StrEnum):
    """Roles of people and of API clients; `derms.accounts.permissions` says what each may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ENGINEER = "engineer"
    CUSTOMER_SERVICE = "customer_service"
    CS_SUPERVISOR = "cs_supervisor"
    AUDITOR = "auditor"
    ADMIN = "admin"
    DMS = "dms"
    AGGREGATOR = "aggregator"


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing an API client may do; a part that is empty stands for all.

    Attributes:
        nouns: Nouns of the standard, e.g. `DERGroupDispatches`.
        verbs: Verbs of the standard, e.g. `get`, `create`.
        groups: mRIDs of groups.
    """

    nouns: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a service.

    Attributes:
        kind: Person, API client or the system itself.
        mrid: mRID of the user or client; empty for the system.
        name: Login or client name, for people reading the audit log.
        roles: Roles held at the time of the call.
        organisation_mrid: Organisation of the caller; None for the utility's own system.
        source: Door it came through: `session`, `basic`, `bearer`, `cim`, `task`, `command`.
        address: Remote network address, if any.
        grants: What an API client may do of what its roles allow; none = all of it. Asked by
            `derms.accounts.rules.grants` alone.
    """

    kind: ActorKind
    mrid: str
    name: str
    roles: frozenset[Role] = field(default_factory=frozenset)
    organisation_mrid: str | None = None
    source: str = ""
    address: str = ""
    grants: tuple[Grant, ...] = ()


SYSTEM = Actor(kind=ActorKind.SYSTEM, mrid="", name="system", source="task")
