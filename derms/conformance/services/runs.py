"""Start a run and abandon it."""

import uuid
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from derms.accounts.choices import ClientStage
from derms.accounts.selectors import Client
from derms.audit.services import record
from derms.cim import trials
from derms.conformance import selectors
from derms.conformance.choices import RunState
from derms.conformance.models import PartnerRun, RunStep
from derms.conformance.rules.scenario import Scenario, Step
from derms.conformance.rules.scenarios import get_scenario, scenario_of_role
from derms.conformance.services.clearing import clear_sandbox
from derms.core import clock
from derms.core.actors import Actor, ActorKind
from derms.core.errors import ForbiddenError, InvalidInputError, RuleViolationError
from derms.core.ids import new_mrid

_SPACE = uuid.UUID("0f3a1c58-2a7c-5a86-8c7b-61968500be4c")
_DEVICES = 3
_LOCK = 0x6CE0_0070
"""Advisory lock of those who choose devices; any fixed number."""


def start_run(
    *, client: Client, scenario: str = "", step_timeout_s: float | None = None, actor: Actor
) -> PartnerRun:
    """Start a run of a scenario for an API client in stage sandbox.

    Args:
        client: The client.
        scenario: Key of a scenario; empty = the whole one of the client's role.
        step_timeout_s: How long each step waits [s]; None = DERMS_PARTNER_STEP_TIMEOUT_S.
        actor: Who asks; a client may start its own runs.

    Raises:
        ForbiddenError: a client asks for another one.
        InvalidInputError: unknown scenario, or a time-out that is none.
        NotFoundError: the sandbox has too few devices.
        RuleViolationError: the client is live, has another role or no address that the scenario
            needs, or a run of it is not over.
    """
    if actor.kind == ActorKind.CLIENT and actor.mrid != client.mrid:
        raise ForbiddenError("A client starts its own runs alone")
    if client.stage != ClientStage.SANDBOX:
        raise RuleViolationError(
            f"{client.client_id} is live: the bench is for clients in the sandbox.",
            code="not_sandbox",
        )
    chosen = _scenario(client, scenario)
    timeout_s = settings.PARTNER_STEP_TIMEOUT_S if step_timeout_s is None else step_timeout_s
    if not 1 <= timeout_s <= 30 * 86400:
        raise InvalidInputError("A step waits 1 second to 30 days.", field="step_timeout_s")
    now = clock.now()
    try:
        with transaction.atomic():
            values = _values(client, chosen)
            run = PartnerRun.objects.create(
                mrid=values["run"],
                client=client,
                scenario=chosen.key,
                scenario_version=chosen.version,
                started_at=now,
                started_by=actor.name,
                step_timeout_s=timeout_s,
                values=values,
                certificate_days=selectors.certificate_days(client, now),
            )
            RunStep.objects.bulk_create(
                _row(run, number, step) for number, step in enumerate(chosen.steps, start=1)
            )
            record_run("conformance.start", run, actor)
    except IntegrityError as error:
        raise RuleViolationError(
            f"A run of {client.client_id} is not over: abandon it first.", code="run_open"
        ) from error
    return run


def _row(run: PartnerRun, number: int, step: Step) -> RunStep:
    return RunStep(
        run=run,
        number=number,
        key=step.key,
        title=step.title,
        kind=step.kind,
        operation=step.operation,
        expected=step.expected.format(**run.values),
        expected_result=step.result,
        expected_code=step.code,
        sample=step.sample,
    )


def _scenario(client: Client, key: str) -> Scenario:
    role = next((r for r in ("dms", "aggregator") if r in client.roles), "")
    if not role:
        raise RuleViolationError(f"{client.client_id} has no role that speaks CIM.")
    try:
        chosen = get_scenario(key) if key else scenario_of_role(role)
    except KeyError as error:
        raise InvalidInputError(f"There is no scenario {key!r}.", field="scenario") from error
    if chosen.role not in client.roles:
        raise RuleViolationError(
            f"Scenario {key} is for the role {chosen.role}.", code="wrong_role", field="scenario"
        )
    if chosen.needs_reply_address and not trials.reply_address(client.mrid):
        raise RuleViolationError(
            "No ReplyAddress of this client is registered: an engineer enters it on the page "
            "Partners.",
            code="no_reply_address",
            field="scenario",
        )
    return chosen


def _values(client: Client, scenario: Scenario) -> dict[str, str]:
    """Return what the run is about; it has its devices for itself until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    devices = selectors.sandbox_devices(_DEVICES, taken=selectors.devices_in_use())
    mrid = new_mrid()
    address = trials.reply_address(client.mrid) if scenario.needs_reply_address else ""
    return {
        "run": mrid,
        "group_mrid": str(uuid.uuid5(_SPACE, f"{mrid}/group")),
        "group_name": f"BENCH-{mrid[:8]}",
        "unknown": str(uuid.uuid5(_SPACE, f"{mrid}/unknown")),
        "reply_address": address,
    } | {f"device{number}": device for number, device in enumerate(devices, start=1)}


def abandon_run(*, mrid: str, reason: str, actor: Actor) -> PartnerRun:
    """End a run that is not over.

    Raises:
        NotFoundError: no such run.
        RuleViolationError: it is over.
    """
    selectors.get_run(mrid, actor=actor)
    with transaction.atomic():
        run = selectors.lock_run(mrid)
        if run.state != RunState.RUNNING:
            raise RuleViolationError(f"The run is over: {run.state}.", code="run_over")
        run.state = RunState.ABANDONED
        run.finished_at = clock.now()
        run.comment = reason.strip()[:500]
        run.save()
        record_run("conformance.abandon", run, actor)
        clear_sandbox(run)
    return run


def record_run(action: str, run: PartnerRun, actor: Actor) -> None:
    """Write the audit record of something done with a run."""
    after: dict[str, Any] = {
        "client": run.client.client_id,
        "scenario": run.scenario,
        "state": run.state,
        "comment": run.acceptance_comment or run.comment,
    }
    record(action=action, object_type="PartnerRun", object_mrid=run.mrid, after=after, actor=actor)
