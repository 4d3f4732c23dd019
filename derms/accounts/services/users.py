"""People: who they are, what they may do, how they log in."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.db import transaction

from derms.accounts import selectors
from derms.accounts.models import Organisation, RoleGrant, User
from derms.accounts.services.organisations import check_roles
from derms.accounts.services.records import state_of, taken_once, write_record
from derms.audit import services as audit
from derms.core import clock
from derms.core.actors import SYSTEM, Actor, Role
from derms.core.errors import InvalidInputError, RuleViolationError


def create_user(
    *,
    username: str,
    password: str,
    roles: Iterable[Role],
    full_name: str = "",
    organisation: Organisation | None = None,
    actor: Actor,
) -> User:
    """Create a person who can log in.

    Raises:
        InvalidInputError: the password is too weak.
        RuleViolationError: the name is taken, or a role does not fit the organisation.
    """
    wanted = check_roles(roles, organisation)
    user = User(username=username, first_name=full_name, organisation=organisation)
    _set_password(user, password)
    with transaction.atomic(), taken_once("username", username):
        user.save()
        _grant(user, wanted, actor)
        write_record("accounts.create_user", user, None, actor)
    return user


def update_user(
    *,
    mrid: str,
    roles: Iterable[Role] | None = None,
    full_name: str | None = None,
    is_active: bool | None = None,
    actor: Actor,
) -> User:
    """Change a person's roles, name or right to log in; open sockets follow within seconds.

    Raises:
        NotFoundError: no such user.
        RuleViolationError: a role does not fit, or admins would lock themselves out.
    """
    with transaction.atomic():
        user = selectors.lock_user(mrid)
        before = state_of(user)
        if full_name is not None:
            user.first_name = full_name
        if is_active is not None:
            user.is_active = is_active
        if roles is not None:
            wanted = check_roles(roles, user.organisation)
            user.role_grants.exclude(role__in=wanted).delete()
            _grant(user, wanted, actor)
        user.save()
        user = selectors.get_user(mrid)
        if user.mrid == actor.mrid and not _is_admin(user):
            raise RuleViolationError("You cannot take away your own right to administer.")
        write_record("accounts.update_user", user, before, actor)
    return user


def set_password(*, mrid: str, password: str, actor: Actor) -> None:
    """Give a person a new password; every session of theirs ends.

    Raises:
        NotFoundError: no such user.
        InvalidInputError: the password is too weak.
    """
    with transaction.atomic():
        user = selectors.lock_user(mrid)
        _set_password(user, password)
        user.save(update_fields=["password"])
        audit.record(
            action="accounts.set_password", object_type="User", object_mrid=mrid, actor=actor
        )


def set_preferences(*, mrid: str, preferences: dict[str, Any]) -> None:
    """Keep how a person likes the console; not audited, it changes nothing but looks.

    Raises:
        NotFoundError: no such user.
    """
    with transaction.atomic():
        user = selectors.get_user(mrid)
        user.preferences = preferences
        user.save(update_fields=["preferences"])


def forget_sessions() -> int:
    """Delete sessions past their end; return how many."""
    count, _ = Session.objects.filter(expire_date__lt=clock.now()).delete()
    return count


def _grant(user: User, roles: list[str], actor: Actor) -> None:
    RoleGrant.objects.bulk_create(
        [
            RoleGrant(user=user, role=role, granted_at=clock.now(), granted_by=actor.name)
            for role in roles
        ],
        ignore_conflicts=True,
    )


def _is_admin(user: User) -> bool:
    return user.is_active and any(g.role == Role.ADMIN for g in user.role_grants.all())


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInputError(
            " ".join(error.messages), code="weak_password", field="password"
        ) from error
    user.set_password(password)


def ensure_user(
    *,
    username: str,
    password: str,
    roles: Iterable[Role],
    full_name: str = "",
    actor: Actor = SYSTEM,
) -> User:
    """Return the person of this login name; made when missing, with this password when changed."""
    user = User.objects.filter(username=username).first()
    if user is None:
        return create_user(
            username=username, password=password, roles=roles, full_name=full_name, actor=actor
        )
    if not user.check_password(password):
        set_password(mrid=user.mrid, password=password, actor=actor)
    return user
