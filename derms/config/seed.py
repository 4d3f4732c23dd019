"""The first content of an installation: who may come in, and the simulated fleet.

Passwords and secrets are made once and kept in `var/credentials.json`, for the owner's eyes only.
A demo gets one user per role; production gets its first administrator and nobody else.
"""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from derms.accounts import selectors, services
from derms.accounts.choices import OrganisationKind
from derms.config import runfile
from derms.core.actors import SYSTEM, Role

PEOPLE = (
    Role.OPERATOR, Role.APPROVER, Role.ENGINEER, Role.VIEWER, Role.CUSTOMER_SERVICE,
    Role.CS_SUPERVISOR, Role.AUDITOR, Role.ADMIN,
)  # fmt: skip
UTILITY = "Simulated utility"


def steps() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what to do and its name; every step may be repeated without effect."""
    yield "users and API clients", seed_accounts


def seed_accounts() -> None:
    """Make the users and clients that are missing.

    Who exists keeps the password they have by now; only when the file of passwords is gone, so
    that nobody knows them, do all get new ones.
    """
    path = Path(settings.VAR_DIR) / "credentials.json"
    known = runfile.read_json(path)
    fresh = not known
    if fresh:
        known = _new_credentials()
        path.parent.mkdir(parents=True, exist_ok=True)
        runfile.write_private(path, known)
    existing = set() if fresh else set(selectors.list_users().values_list("username", flat=True))
    for user in known["users"]:
        if user["username"] not in existing:
            services.ensure_user(
                username=user["username"],
                password=user["password"],
                roles=[Role(role) for role in user["roles"]],
                full_name=user["username"].replace("_", " ").title(),
            )
    for name, role, kind in _CLIENTS if "dms" in known else ():
        owner = services.ensure_organisation(name=kind[0], kind=kind[1])
        services.ensure_client(
            client_id=known[name]["client_id"],
            secret=known[name]["secret"],
            name=known[name]["name"],
            organisation=owner,
            roles=[role],
            actor=SYSTEM,
        )


_CLIENTS = (
    ("dms", Role.DMS, (UTILITY, OrganisationKind.UTILITY)),
    ("aggregator", Role.AGGREGATOR, ("Sample aggregator", OrganisationKind.AGGREGATOR)),
)


def _new_credentials() -> dict[str, Any]:
    people = (Role.ADMIN,) if settings.PRODUCTION else PEOPLE
    made: dict[str, Any] = {
        "users": [
            {"username": role.value, "password": secrets.token_hex(8), "roles": [role.value]}
            for role in people
        ]
    }
    if not settings.PRODUCTION:
        for name, label in (("dms", "Sample DMS"), ("aggregator", "Sample aggregator")):
            made[name] = {
                "name": label,
                "client_id": f"sample-{name}",
                "secret": secrets.token_urlsafe(32),
            }
    return made
