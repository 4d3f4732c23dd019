"""Let a client go live after a passed run, and send it back to the sandbox."""

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from derms.accounts import services as accounts
from derms.accounts.choices import ClientStage
from derms.accounts.selectors import Client
from derms.cim import trials
from derms.conformance import selectors
from derms.conformance.choices import RunState
from derms.conformance.models import PartnerRun
from derms.conformance.rules.scenario import TOLD
from derms.conformance.rules.scenarios import get_scenario
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
        RuleViolationError: the run has not passed, is too old, was accepted before, the client
            has failed since, or what has passed is not what would go live: another scenario,
            role or endpoint.
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
    _require_same(run)


def _require_same(run: PartnerRun) -> None:
    """Raise when what goes live is not what has passed."""
    if not selectors.is_current(run):
        raise RuleViolationError(
            "The scenarios have changed since with an update: run it again.", code="other_version"
        )
    scenario, client = get_scenario(run.scenario), run.client
    if not scenario.lets_live:
        raise RuleViolationError(
            f"{scenario.title} is an extra: a client goes live by a scenario of all its messages.",
            code="not_whole",
        )
    if scenario.role not in client.roles:
        raise RuleViolationError(
            f"{client.client_id} has no role {scenario.role} any more.", code="other_role"
        )
    if not client.is_active:
        raise RuleViolationError(f"{client.client_id} is switched off.", code="inactive")
    changed_at = trials.endpoint_changed_at(client.mrid)
    if changed_at is not None and not scenario.needs_endpoint:
        raise RuleViolationError(
            "The client has an endpoint, which this scenario has not tried: run the whole one.",
            code="endpoint_not_tried",
        )
    told = run.steps.filter(kind__in=TOLD).aggregate(first=Min("opened_at"))["first"]
    if changed_at is not None and told is not None and changed_at > told:
        raise RuleViolationError(
            "The endpoint of the client has been changed since: run it again.",
            code="endpoint_changed",
        )


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
