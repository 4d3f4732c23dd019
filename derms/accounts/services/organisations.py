"""Organisations, and which roles fit which."""

from collections.abc import Iterable

from django.db import transaction

from derms.accounts.choices import OrganisationKind
from derms.accounts.models import Organisation
from derms.accounts.scopes import SANDBOX_MRID
from derms.accounts.services.records import taken_once, write_record
from derms.core.actors import SYSTEM, Actor, Role
from derms.core.errors import RuleViolationError


def create_organisation(*, name: str, kind: str, actor: Actor) -> Organisation:
    """Create a party the utility deals with.

    Raises:
        RuleViolationError: the name is taken, or it would be a second sandbox.
    """
    if kind == OrganisationKind.SANDBOX:
        raise RuleViolationError("There is one sandbox, made by the system.", code="one_sandbox")
    with transaction.atomic(), taken_once("name", name):
        organisation = Organisation.objects.create(name=name, kind=OrganisationKind(kind))
        write_record("accounts.create_organisation", organisation, None, actor)
    return organisation


def ensure_sandbox() -> Organisation:
    """Return the organisation of the sandbox, made if it is missing."""
    found = Organisation.objects.filter(mrid=SANDBOX_MRID).first()
    if found is not None:
        return found
    kind = OrganisationKind.SANDBOX
    made, is_new = Organisation.objects.get_or_create(
        mrid=SANDBOX_MRID, defaults={"name": kind.label, "kind": kind}
    )
    if is_new:
        write_record("accounts.create_organisation", made, None, SYSTEM)
    return made


def check_roles(roles: Iterable[Role], organisation: Organisation | None) -> list[str]:
    """Return the roles as sorted text if they fit the organisation.

    Raises:
        RuleViolationError: a party other than the utility would get more than aggregator rights,
            or the utility's own people the rights of an aggregator.
    """
    wanted = {Role(role) for role in roles}
    own = organisation is None or organisation.kind == OrganisationKind.UTILITY
    misfit = wanted & {Role.AGGREGATOR} if own else wanted - {Role.AGGREGATOR}
    if misfit:
        whose = "the utility" if own else organisation.name if organisation else ""
        raise RuleViolationError(
            f"{', '.join(sorted(misfit))} cannot be given to somebody of {whose}.",
            code="role_misfit",
        )
    return sorted(wanted)


def ensure_organisation(*, name: str, kind: str, actor: Actor = SYSTEM) -> Organisation:
    """Return the organisation of this name, made if it is missing."""
    found = Organisation.objects.filter(name=name).first()
    return found or create_organisation(name=name, kind=kind, actor=actor)
