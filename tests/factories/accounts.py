"""Actors, people, clients and organisations, valid by default."""

import itertools

from derms.accounts import services
from derms.core.actors import SYSTEM, Actor, ActorKind, Role

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


def actor(*roles: Role, **more) -> Actor:
    """Return a person with these roles (operator when none is given), not in the database."""
    number = next(_numbers)
    values = {
        "kind": ActorKind.USER,
        "mrid": f"actor-{number}",
        "name": f"actor{number}",
        "roles": frozenset(roles or {Role.OPERATOR}),
        "source": "session",
    }
    return Actor(**values | more)


def organisation(kind="utility", **more):
    """Create an organisation."""
    values = {"name": f"{kind.title()} {next(_numbers)}", "kind": kind, "actor": SYSTEM}
    return services.create_organisation(**values | more)


def user(*roles: Role, **more):
    """Create a person who logs in with PASSWORD."""
    values = {
        "username": f"user{next(_numbers)}",
        "password": PASSWORD,
        "roles": roles or (Role.OPERATOR,),
        "actor": SYSTEM,
    }
    return services.create_user(**values | more)


def client(*roles: Role, **more):
    """Create an API client; returns (client, secret)."""
    values = {
        "client_id": f"client{next(_numbers)}",
        "name": "A system",
        "roles": roles or (Role.DMS,),
        "actor": SYSTEM,
    }
    if "organisation" not in more:
        more["organisation"] = organisation()
    return services.create_client(**values | more)
