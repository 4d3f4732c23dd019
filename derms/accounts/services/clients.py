"""Systems that call us with credentials of their own: DMS, aggregators."""

import base64
import datetime as dt
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from derms.accounts import selectors
from derms.accounts.choices import ClientStage, Proof
from derms.accounts.models import ApiClient, Organisation
from derms.accounts.services.organisations import check_roles, ensure_sandbox
from derms.accounts.services.records import refuse_retired, state_of, taken_once, write_record
from derms.audit import services as audit
from derms.core import clock, metrics
from derms.core.actors import SYSTEM, Actor, Role
from derms.core.errors import InvalidInputError, RuleViolationError

_USED_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """What we demand of a client, and what we give it.

    Attributes:
        demands: Proofs that must all hold; empty = any one of them will do.
        signs_replies: We sign our answers at the CIM door.
        password_digest: Its UsernameToken may carry a PasswordDigest.
    """

    demands: frozenset[Proof] = frozenset()
    signs_replies: bool = False
    password_digest: bool = False


def create_client(
    *,
    client_id: str,
    name: str,
    organisation: Organisation,
    roles: Iterable[Role],
    actor: Actor,
    stage: ClientStage | None = None,
) -> tuple[ApiClient, str]:
    """Create a system that may call us, in the sandbox or live (None: as NEW_CLIENT_STAGE says).

    Returns:
        The client and its secret, which is shown this once and kept only as a hash.

    Raises:
        RuleViolationError: the id is taken, or a role does not fit the organisation.
    """
    wanted = check_roles(roles, organisation)
    secret = secrets.token_urlsafe(32)
    stage = stage or ClientStage(settings.NEW_CLIENT_STAGE)
    with transaction.atomic(), taken_once("client_id", client_id):
        if stage == ClientStage.SANDBOX:
            ensure_sandbox()
        client = ApiClient.objects.create(
            client_id=client_id,
            name=name,
            organisation=organisation,
            roles=wanted,
            stage=stage,
            secret_sha256=secret_hash(secret),
            created_at=clock.now(),
        )
        write_record("accounts.create_client", client, None, actor)
    return client, secret


def update_client(
    *,
    mrid: str,
    name: str | None = None,
    roles: Iterable[Role] | None = None,
    is_active: bool | None = None,
    policy: Policy | None = None,
    actor: Actor,
) -> ApiClient:
    """Change an API client; it is refused from the next call on when switched off.

    Raises:
        NotFoundError: no such client.
        RuleViolationError: a role does not fit the organisation, we have no key to sign with, or
            it has retired.
    """
    if policy is not None and policy.signs_replies and not settings.CIM_SIGNING_KEY:
        raise RuleViolationError(
            "Replies cannot be signed: DERMS_CIM_SIGNING_KEY is not set.", code="no_signing_key"
        )
    with transaction.atomic():
        client = selectors.lock_client(mrid)
        refuse_retired(client)
        before = state_of(client)
        if name is not None:
            client.name = name
        if is_active is not None:
            client.is_active = is_active
        if roles is not None:
            client.roles = check_roles(roles, client.organisation)
        if policy is not None:
            client.demands = [proof for proof in Proof if proof in policy.demands]
            client.signs_replies = policy.signs_replies
            client.password_digest = policy.password_digest
        client.save()
        write_record("accounts.update_client", client, before, actor)
    return client


def set_stage(*, mrid: str, stage: ClientStage, reason: str, actor: Actor) -> ApiClient:
    """Let a client go live, or send it back to the sandbox; from its next call on.

    For the conformance room, which knows what has to be proved before.

    Raises:
        NotFoundError: no such client.
        RuleViolationError: it has this stage already, or has retired.
        InvalidInputError: no reason given.
    """
    if not reason.strip():
        raise InvalidInputError("Say why.", field="reason")
    with transaction.atomic():
        client = selectors.lock_client(mrid)
        refuse_retired(client)
        if client.stage == stage:
            raise RuleViolationError(f"{client.client_id} is {stage} already.", code="same_stage")
        before = state_of(client)
        if stage == ClientStage.SANDBOX:
            ensure_sandbox()
        client.stage = stage
        client.save(update_fields=["stage"])
        audit.record(
            action="accounts.set_stage",
            object_type="ApiClient",
            object_mrid=mrid,
            before=before,
            after=state_of(client) | {"reason": reason},
            actor=actor,
        )
    return client


def rotate_secret(*, mrid: str, actor: Actor) -> str:
    """Replace a client's secret; the old one is refused from now on. Returns the new one.

    Raises:
        NotFoundError: no such client.
        RuleViolationError: it has retired.
    """
    secret = secrets.token_urlsafe(32)
    set_client_secret(mrid=mrid, secret=secret, actor=actor)
    return secret


def set_client_secret(*, mrid: str, secret: str, actor: Actor) -> None:
    """Give a client a secret made elsewhere, such as one kept in a file between starts.

    Raises:
        NotFoundError: no such client.
        InvalidInputError: shorter than 32 characters.
        RuleViolationError: it has retired.
    """
    if len(secret) < 32:
        raise InvalidInputError("A client secret has at least 32 characters.", field="secret")
    with transaction.atomic():
        client = selectors.lock_client(mrid)
        refuse_retired(client)
        client.secret_sha256 = secret_hash(secret)
        client.save(update_fields=["secret_sha256"])
        audit.record(
            action="accounts.rotate_secret",
            object_type="ApiClient",
            object_mrid=mrid,
            actor=actor,
        )


def authenticate_client(client_id: str, secret: str) -> ApiClient | None:
    """Return the active client whose credentials these are; None otherwise."""
    client = find_active(client_id)
    known = client.secret_sha256 if client else secret_hash("nobody")
    if not secrets.compare_digest(known, secret_hash(secret)) or client is None:
        metrics.CLIENT_REFUSALS.inc()
        return None
    note_use(client)
    return client


def authenticate_digest(
    client_id: str, *, digest: str, nonce: bytes, created: str
) -> ApiClient | None:
    """Return the active client whose PasswordDigest this is; None otherwise.

    Base64(SHA-1(nonce + created + password)), where the password is what we keep: the hexadecimal
    SHA-256 of the secret. Only clients whose policy says so may use it.
    Source: WS-Security UsernameToken Profile 1.1 section 3.1, password equivalent.
    """
    client = find_active(client_id)
    known = client.secret_sha256 if client else secret_hash("nobody")
    # SHA-1 is the profile's; it must only not be invertible here, collisions gain nothing.
    sha1 = hashlib.sha1(nonce + created.encode() + known.encode(), usedforsecurity=False)
    wanted = base64.b64encode(sha1.digest())
    if (
        not secrets.compare_digest(wanted, digest.encode())
        or client is None
        or not client.password_digest
    ):
        metrics.CLIENT_REFUSALS.inc()
        return None
    note_use(client)
    return client


def find_active(client_id: str) -> ApiClient | None:
    """Return a client that may call now, it and its organisation switched on; else None."""
    found = selectors.list_clients().filter(
        client_id=client_id, is_active=True, organisation__is_active=True
    )
    return found.first()


def note_use(client: ApiClient) -> None:
    """Note that a client has called, once a minute at most."""
    now = clock.now()
    due = now - _USED_EVERY
    if client.last_used_at is None or client.last_used_at < due:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=due)
        ApiClient.objects.filter(stale, pk=client.pk).update(last_used_at=now)


def secret_hash(secret: str) -> str:
    """Return how a client secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def ensure_client(
    *,
    client_id: str,
    secret: str,
    name: str,
    organisation: Organisation,
    roles: Iterable[Role],
    actor: Actor = SYSTEM,
) -> ApiClient:
    """Return the client of this id with this secret; made, and live, when missing.

    One that somebody has retired stays so.
    """
    client = selectors.list_clients(retired=True).filter(client_id=client_id).first()
    if client is None:
        client, _ = create_client(
            client_id=client_id,
            name=name,
            organisation=organisation,
            roles=roles,
            stage=ClientStage.LIVE,
            actor=actor,
        )
    if client.retired_at is None and client.secret_sha256 != secret_hash(secret):
        set_client_secret(mrid=client.mrid, secret=secret, actor=actor)
    return client
