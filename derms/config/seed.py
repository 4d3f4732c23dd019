"""The first content of an installation: who may come in, and the simulated fleet.

Passwords and secrets are made once and kept in `var/credentials.json`, for the owner's eyes only.
A demo gets one user per role and two API clients; production gets its first administrator.
"""

import csv
import hashlib
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

from derms.accounts import selectors, services
from derms.accounts.choices import OrganisationKind
from derms.config import runfile
from derms.core.actors import SYSTEM, Role
from derms.core.errors import InvalidInputError
from derms.devices.selectors.register import find_ids
from derms.devices.services.importer import import_csv
from derms.devices.services.partitions import keep_partitions
from groups.choices import DerFunction
from groups.rules.definition import GroupData, MemberKeys
from groups.selectors import list_groups
from groups.services import create_group


class Client(NamedTuple):
    """A system that gets credentials of its own in the demo."""

    key: str
    name: str
    role: Role
    organisation: str
    kind: OrganisationKind


PEOPLE = (
    Role.OPERATOR, Role.APPROVER, Role.ENGINEER, Role.VIEWER, Role.CUSTOMER_SERVICE,
    Role.CS_SUPERVISOR, Role.AUDITOR, Role.ADMIN,
)  # fmt: skip
CLIENTS = (
    # The simulated fleet names this organisation as its owner.
    Client("dms", "Sample DMS", Role.DMS, "Simulated utility", OrganisationKind.UTILITY),
    Client(
        "aggregator", "Sample aggregator", Role.AGGREGATOR,
        "Sample aggregator", OrganisationKind.AGGREGATOR,
    ),
)  # fmt: skip


def steps() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what to do and its name; every step may be repeated without effect."""
    yield "partitions of the readings", keep_partitions
    yield "users and API clients", seed_accounts
    if settings.SANDBOX_DEVICES:
        yield "sandbox utility", services.ensure_sandbox
    if settings.SIMULATED_DEVICES or settings.SANDBOX_DEVICES:
        yield "simulated fleet", seed_fleet
    if settings.SIMULATED_DEVICES:
        yield "sample groups", seed_groups


def seed_accounts() -> None:
    """Make the users and clients that are missing.

    Who exists keeps the password they have by now; only when the file of passwords is gone, so
    that nobody knows them, do all get new ones.
    """
    path = Path(settings.VAR_DIR) / "credentials.json"
    known = runfile.read_json(path)
    existing = set(selectors.list_users().values_list("username", flat=True)) if known else set()
    if not known:
        known = new_credentials()
        path.parent.mkdir(parents=True, exist_ok=True)
        runfile.write_private(path, known)
    for user in known["users"]:
        if user["username"] not in existing:
            services.ensure_user(
                username=user["username"],
                password=user["password"],
                roles=[Role(role) for role in user["roles"]],
                full_name=user["username"].replace("_", " ").capitalize(),
            )
    for client in CLIENTS:
        if client.key in known:
            _seed_client(client, known[client.key])


def _seed_client(client: Client, kept: dict[str, str]) -> None:
    owner = services.ensure_organisation(name=client.organisation, kind=client.kind)
    services.ensure_client(
        client_id=kept["client_id"],
        secret=kept["secret"],
        name=client.name,
        organisation=owner,
        roles=[client.role],
    )


def new_credentials() -> dict[str, Any]:
    """Return fresh passwords and secrets: 64 and 256 random bits."""
    people = (Role.ADMIN,) if settings.PRODUCTION else PEOPLE
    clients = () if settings.PRODUCTION else CLIENTS
    users = [
        {"username": role.value, "password": secrets.token_hex(8), "roles": [role.value]}
        for role in people
    ]
    return {"users": users} | {
        client.key: {"client_id": f"sample-{client.key}", "secret": secrets.token_urlsafe(32)}
        for client in clients
    }


def seed_fleet() -> None:
    """Import the simulated devices; only when the fleet has changed, so later edits stay.

    Raises:
        InvalidInputError: the simulator's file has errors.
    """
    folder = Path(settings.VAR_DIR)
    content = (folder / "fleet.csv").read_bytes()
    mark, digest = folder / "fleet.imported", hashlib.sha256(content).hexdigest()
    mrids = [row["mrid"] for row in csv.DictReader(content.decode().splitlines())]
    imported = mark.read_text() if mark.exists() else ""
    if imported == digest and (find_ids(mrids) >= 0).all():
        return
    report = import_csv(content, actor=SYSTEM)
    if not report.applied:
        raise InvalidInputError(f"The simulated fleet cannot be imported: {report.errors[0]}")
    mark.write_text(digest)


_FLEET_FUNCTIONS = frozenset(
    {
        DerFunction.CONNECT_DISCONNECT,
        DerFunction.MAX_REAL_POWER_LIMITING,
        DerFunction.REACTIVE_POWER_DISPATCH,
        DerFunction.REAL_POWER_DISPATCH,
    }
)


def seed_groups() -> None:
    """Make a few groups of the simulated fleet, by kind and by feeder, unless any group exists.

    The sandbox has none: partners make their own.
    """
    if list_groups(actor=SYSTEM).exists():
        return
    members: dict[str, list[str]] = {}
    with (Path(settings.VAR_DIR) / "fleet.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["owner"] == OrganisationKind.SANDBOX.label:
                continue
            for name in (_KIND_GROUPS.get(row["kind"]), f"{row['feeder']}-ALL"):
                if name:
                    members.setdefault(name, []).append(row["mrid"])
    for name, mrids in sorted(members.items()):
        data = GroupData(
            name=name, functions=_FLEET_FUNCTIONS, members=MemberKeys(mrids=tuple(mrids))
        )
        create_group(data=data, actor=SYSTEM)


_KIND_GROUPS = {"battery": "CITY-BESS", "pv": "CITY-PV", "ev_charger": "CITY-EV"}
