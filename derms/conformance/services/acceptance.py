"""Let a client go live after a passed run, and send it back to the sandbox."""

from django.conf import settings
from django.db import transaction

from derms.accounts import services as accounts
from derms.accounts.choices import ClientStage
from derms.accounts.selectors import Client
from derms.conformance import selectors
from derms.conformance.choices import RunState
from derms.conformance.models import PartnerRun
from derms.conformance.services.runs import record_run
from derms.core import clock
from derms.core.actors import Actor, ActorKind
from derms.core.errors import ForbiddenError, InvalidInputError, RuleViolationError


def accept_run(*, mrid: str, comment: str, actor: Actor) -> PartnerRun:
    """Accept a passed run: its client is live from its next call on.

    Raises:
        ForbiddenError: an API client asks; a person answers for this.
        InvalidInputError: no comment.
        NotFoundError: no such run.
        RuleViolationError: the run has not passed, is too old, was accepted before, or the client
            has failed since.
    """
    if actor.kind == ActorKind.CLIENT:
        raise ForbiddenError("A person accepts a run, not an API client")
    if not comment.strip():
        raise InvalidInputError("Say what the acceptance rests on.", field="comment")
    with transaction.atomic():
        run = selectors.lock_run(mrid)
        _require_acceptable(run)
        run.accepted_at, run.accepted_by = clock.now(), actor.name
        run.acceptance_comment = comment.strip()[:500]
        run.save()
        record_run("conformance.accept", run, actor)
        accounts.set_stage(
            mrid=run.client.mrid,
            stage=ClientStage.LIVE,
            reason=f"Run {run.mrid} accepted: {run.acceptance_comment}",
            actor=actor,
        )
    return run


def _require_acceptable(run: PartnerRun) -> None:
    if run.state != RunState.PASSED:
        raise RuleViolationError(
            f"Only a passed run can be accepted; this one is {run.state}.", code="not_passed"
        )
    if run.accepted_at is not None:
        raise RuleViolationError("The run was accepted before.", code="accepted_before")
    if run.finished_at is None or run.finished_at < selectors.oldest_acceptable(clock.now()):
        raise RuleViolationError(
            f"The run is older than {settings.PARTNER_RUN_DAYS} days: run it again.",
            code="too_old",
        )
    if selectors.failed_since(run):
        raise RuleViolationError("The client has failed a run since.", code="failed_since")


def send_back(*, client: Client, reason: str, actor: Actor) -> Client:
    """Send a live client back to the sandbox, from its next call on.

    Raises:
        ForbiddenError: an API client asks.
        InvalidInputError: no reason.
        RuleViolationError: it is in the sandbox.
    """
    if actor.kind == ActorKind.CLIENT:
        raise ForbiddenError("A person sends a client back, not an API client")
    return accounts.set_stage(
        mrid=client.mrid, stage=ClientStage.SANDBOX, reason=reason, actor=actor
    )
