"""One fixture for each persona: a REST client that is signed in and knows its actor.

`operator.post("/api/v1/groups", {...})` calls REST as an operator; `operator.actor` is what
services take. `stranger` is nobody.
"""

import base64
from typing import Any

import pytest
from rest_framework.test import APIClient

from derms.accounts import selectors
from derms.core.actors import Actor, Role
from tests.factories import accounts

__all__ = [
    "admin",
    "aggregator",
    "approver",
    "auditor",
    "csr",
    "dms",
    "engineer",
    "operator",
    "persona",
    "stranger",
    "viewer",
]


class Persona(APIClient):
    """A REST client in JSON; `actor` is who it is."""

    actor: Actor

    def __init__(self, **more):
        super().__init__(**more)
        self.default_format = "json"


def person(*roles: Role, **more: Any) -> Persona:
    """Return a REST client logged in as a new person with these roles."""
    user = accounts.user(*roles, **more)
    caller = Persona()
    caller.force_login(user)
    caller.actor = selectors.actor_of_user(user, source="session", address="127.0.0.1")
    return caller


def system(*roles: Role, kind: str = "utility") -> Persona:
    """Return a REST client with the Basic credentials of a new API client."""
    client, secret = accounts.client(*roles, organisation=accounts.organisation(kind))
    token = base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
    caller = Persona(HTTP_AUTHORIZATION=f"Basic {token}")
    caller.secret = secret
    caller.client_id = client.client_id
    caller.actor = selectors.actor_of_client(client, source="basic", address="127.0.0.1")
    return caller


@pytest.fixture
def persona(db):
    """Return the maker of people: `persona(Role.ENGINEER)`."""
    return person


@pytest.fixture
def viewer(db):
    return person(Role.VIEWER)


@pytest.fixture
def operator(db):
    return person(Role.OPERATOR)


@pytest.fixture
def approver(db):
    return person(Role.APPROVER)


@pytest.fixture
def engineer(db):
    return person(Role.ENGINEER)


@pytest.fixture
def csr(db):
    return person(Role.CUSTOMER_SERVICE)


@pytest.fixture
def auditor(db):
    return person(Role.AUDITOR)


@pytest.fixture
def admin(db):
    return person(Role.ADMIN)


@pytest.fixture
def dms(db):
    return system(Role.DMS)


@pytest.fixture
def aggregator(db):
    return system(Role.AGGREGATOR, kind="aggregator")


@pytest.fixture
def stranger(db):
    return Persona()
