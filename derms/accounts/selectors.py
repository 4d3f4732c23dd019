"""Reads of accounts: who is asking, and the lists of users, clients and organisations."""

import datetime as dt
from typing import TypeAlias, cast

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from derms.accounts.choices import ClientStage, OrganisationKind
from derms.accounts.models import ApiClient, ClientCertificate, Organisation, User
from derms.accounts.rules.certificates import ENDS_SOON, CertificateState
from derms.accounts.rules.grants import read_grants
from derms.accounts.scopes import SANDBOX_MRID
from derms.core import clock
from derms.core.actors import Actor, ActorKind, Role
from derms.core.errors import InvalidInputError, NotFoundError

# What other rooms may name of our rows.
Client: TypeAlias = ApiClient
Certificate: TypeAlias = ClientCertificate


def actor_of(request: HttpRequest) -> Actor:
    """Return who makes a request that has passed authentication.

    Raises:
        LookupError: nobody is known; the view forgot to authenticate.
    """
    actor = find_actor(request)
    if actor is None:
        raise LookupError("the request has no actor")
    return actor


def find_actor(request: HttpRequest) -> Actor | None:
    """Return who makes a request; None when nobody is logged in."""
    known = getattr(request, "actor", None)
    if known is not None:
        return cast("Actor", known)
    user = getattr(request, "user", None)
    if isinstance(user, User) and user.is_authenticated:
        return actor_of_user(user, source="session", address=address_of(request))
    return None


def address_of(request: HttpRequest) -> str:
    """Return the caller's network address: the nearest proxy's word for it, if there is one."""
    if settings.BEHIND_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", "")
        if forwarded:
            return forwarded.rpartition(",")[2].strip()[:64]
    return str(request.META.get("REMOTE_ADDR", ""))[:64]


def actor_of_user(user: User, *, source: str, address: str = "") -> Actor:
    """Return a person as the actor of services; two queries at most."""
    return Actor(
        kind=ActorKind.USER,
        mrid=user.mrid,
        name=user.username,
        roles=frozenset(Role(grant.role) for grant in user.role_grants.all()),
        organisation_mrid=user.organisation.mrid if user.organisation else None,
        source=source,
        address=address,
    )


def actor_of_client(client: ApiClient, *, source: str, address: str = "") -> Actor:
    """Return an API client as the actor of services.

    In stage sandbox it is one of the sandbox, and its grants, which are about groups outside, rest.
    """
    live = client.stage == ClientStage.LIVE
    return Actor(
        kind=ActorKind.CLIENT,
        mrid=client.mrid,
        name=client.client_id,
        roles=frozenset(Role(role) for role in client.roles),
        organisation_mrid=client.organisation.mrid if live else SANDBOX_MRID,
        source=source,
        address=address,
        grants=read_grants(client.grants) if live else (),
    )


def find_actor_by_user(pk: int) -> Actor | None:
    """Return an active user by primary key as an actor; None when gone or switched off."""
    user = list_users().filter(pk=pk, is_active=True).first()
    return actor_of_user(user, source="session") if user else None


def list_users() -> QuerySet[User]:
    """Return all users with their organisation and roles."""
    return (
        User.objects.select_related("organisation")
        .prefetch_related("role_grants")
        .order_by("username")
    )


def get_user(mrid: str) -> User:
    """Return one user.

    Raises:
        NotFoundError: no such user.
    """
    user = list_users().filter(mrid=mrid).first()
    if user is None:
        raise NotFoundError(f"There is no user {mrid}.")
    return user


def lock_user(mrid: str) -> User:
    """Return one user locked until the end of the transaction.

    Raises:
        NotFoundError: no such user.
    """
    if not User.objects.select_for_update().filter(mrid=mrid).values("pk"):
        raise NotFoundError(f"There is no user {mrid}.")
    return get_user(mrid)


def list_clients(*, retired: bool = False) -> QuerySet[ApiClient]:
    """Return the API clients with their organisation, those that have retired if asked for."""
    found = ApiClient.objects.select_related("organisation").order_by("client_id")
    return found if retired else found.filter(retired_at__isnull=True)


def get_client(mrid: str) -> ApiClient:
    """Return one API client.

    Raises:
        NotFoundError: no such client.
    """
    client = list_clients(retired=True).filter(mrid=mrid).first()
    if client is None:
        raise NotFoundError(f"There is no API client {mrid}.")
    return client


def lock_client(mrid: str) -> ApiClient:
    """Return one API client locked until the end of the transaction.

    Raises:
        NotFoundError: no such client.
    """
    if not ApiClient.objects.select_for_update().filter(mrid=mrid).values("pk"):
        raise NotFoundError(f"There is no API client {mrid}.")
    return get_client(mrid)


def list_certificates(mrid: str) -> QuerySet[ClientCertificate]:
    """Return the certificates of one API client, the newest first.

    Raises:
        NotFoundError: no such client.
    """
    return get_client(mrid).certificates.order_by("-registered_at", "-pk")


def get_certificate(client: ApiClient, sha256: str) -> ClientCertificate:
    """Return one certificate of a client by its fingerprint.

    Raises:
        NotFoundError: it has no such certificate.
    """
    row = client.certificates.filter(sha256=sha256.lower()).first()
    if row is None:
        raise NotFoundError(f"{client.client_id} has no certificate {sha256[:64]}.")
    return row


def find_certificate(sha256: str) -> ClientCertificate | None:
    """Return a registered certificate with its client, whoever's it is; None when unknown."""
    found = ClientCertificate.objects.select_related("client__organisation")
    return found.filter(sha256=sha256).first()


def list_by_serial(serial: str) -> QuerySet[ClientCertificate]:
    """Return registered certificates with this serial number (hexadecimal), of whatever issuer."""
    found = ClientCertificate.objects.select_related("client__organisation")
    return found.filter(serial=serial).order_by("pk")


def list_in_use() -> QuerySet[ClientCertificate]:
    """Return all certificates that are not revoked, with their clients."""
    found = ClientCertificate.objects.select_related("client__organisation")
    return found.filter(revoked_at__isnull=True).order_by("pk")


def list_all_certificates(*, state: str, text: str) -> QuerySet[ClientCertificate]:
    """Return the certificates of all API clients with these, narrowed by what is not empty.

    Args:
        state: One of `CertificateState`.
        text: Part of the subject, the client's id or name, or the start of the fingerprint.

    Raises:
        InvalidInputError: there is no such state.
    """
    found = ClientCertificate.objects.select_related("client")
    if state:
        found = found.filter(_in_state(state, clock.now()))
    if text:
        found = found.filter(
            Q(subject__icontains=text)
            | Q(client__client_id__icontains=text)
            | Q(client__name__icontains=text)
            | Q(sha256__startswith=text.lower())
        )
    return found


def _in_state(state: str, now: dt.datetime) -> Q:
    soon = now + ENDS_SOON
    used, begun = Q(revoked_at__isnull=True), Q(not_before__lte=now)
    conditions: dict[str, Q] = {
        CertificateState.REVOKED: Q(revoked_at__isnull=False),
        CertificateState.EXPIRED: used & Q(not_after__lt=now),
        CertificateState.EARLY: used & Q(not_before__gt=now),
        CertificateState.ENDS_SOON: used & begun & Q(not_after__gte=now, not_after__lt=soon),
        CertificateState.GOOD: used & begun & Q(not_after__gte=soon),
    }
    if state not in conditions:
        raise InvalidInputError(f"There is no state {state[:40]}.", field="state")
    return conditions[state]


def list_expiring(before: dt.datetime) -> list[ClientCertificate]:
    """Return certificates in use that end before an instant, with their clients.

    A client that has another one valid beyond that instant has been rolled over: its old
    certificate may end.
    """
    used = ClientCertificate.objects.filter(revoked_at__isnull=True, client__is_active=True)
    replaced = used.filter(not_after__gte=before).values("client_id")
    ending = used.filter(not_after__lt=before).exclude(client_id__in=replaced)
    return list(ending.select_related("client").order_by("not_after"))


def list_organisations() -> QuerySet[Organisation]:
    """Return all organisations by name."""
    return Organisation.objects.order_by("name")


def get_organisation(mrid: str) -> Organisation:
    """Return one organisation.

    Raises:
        NotFoundError: no such organisation.
    """
    organisation = Organisation.objects.filter(mrid=mrid).first()
    if organisation is None:
        raise NotFoundError(f"There is no organisation {mrid}.")
    return organisation


def find_organisation_id(mrid: str) -> int | None:
    """Return the primary key of an organisation for a foreign key; None when unknown."""
    return Organisation.objects.filter(mrid=mrid).values_list("pk", flat=True).first()


def find_utility() -> Organisation | None:
    """Return the utility that runs this installation."""
    return Organisation.objects.filter(kind=OrganisationKind.UTILITY).order_by("pk").first()


def profile_of(actor: Actor) -> dict[str, object]:
    """Return what the console shows of the caller: name, organisation, preferences."""
    if actor.kind == ActorKind.USER:
        user = get_user(actor.mrid)
        names = {"username": user.username, "full_name": user.first_name}
        more = {"organisation": user.organisation, "preferences": user.preferences}
        return {"mrid": user.mrid, **names, **more}
    client = get_client(actor.mrid)
    names = {"username": client.client_id, "full_name": client.name}
    return {
        "mrid": client.mrid,
        **names,
        "organisation": client.organisation,
        "preferences": {},
    }
