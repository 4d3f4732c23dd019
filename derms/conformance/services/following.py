"""Follow runs: find the message a step waits for, send what we tell, give verdicts.

Looked at once a second. All of a run is in its tables, so a restart loses nothing.
1. The first step that is not over is the one of now; a step that needs a failed one is skipped.
2. A step the partner acts in takes the first message of its noun that came after the one before;
   what it does not expect fails it, and the run goes on, so that one run shows every mistake.
3. A step we act in writes its message when it is opened. The first answer is judged, also one
   that live work would try again after; as long as nobody answers it waits.
4. A step that waits longer than the run's time-out has failed.
5. When the run is over the sandbox is cleared of what it has left.
"""

import datetime as dt
import logging
import statistics

from django.db import transaction

from derms.accounts.selectors import actor_of_client
from derms.cim import operations, trials
from derms.conformance import selectors
from derms.conformance.choices import OVER, RunState, StepState
from derms.conformance.models import PartnerRun, RunStep
from derms.conformance.rules.scenario import TOLD, Kind, Scenario, Step
from derms.conformance.rules.scenarios import get_scenario
from derms.conformance.services.clearing import clear_sandbox
from derms.conformance.services.judging import Judged, judge
from derms.conformance.services.replies import judge_reply
from derms.conformance.services.runs import record_run
from derms.conformance.telling import payload_of
from derms.core import clock
from derms.core.actors import SYSTEM
from derms.core.errors import DermsError

_log = logging.getLogger(__name__)
_REPEATED = "repeated"
"""Among the values of a run: how often messages had come again when the step of now began."""
_NOT_YET = (408, 425, 429, 502, 503, 504)
"""HTTP answers that say: not now."""
_HTTP_OF_ANSWERS = (200, 202, 204)


def advance_all() -> int:
    """Look at every run that is not over; returns how many there are."""
    found = selectors.running()
    for mrid in found:
        try:
            advance_run(mrid)
        except Exception:  # noqa: BLE001 - the door of every run: one must not stop the rest
            _log.exception("run %s could not be followed", mrid)
    return len(found)


def advance_run(mrid: str) -> PartnerRun:
    """Bring one run as far as it goes now.

    Raises:
        NotFoundError: no such run.
    """
    while True:
        with transaction.atomic():
            run = selectors.lock_run(mrid)
            if run.state != RunState.RUNNING or not _advance(run):
                return run


def _advance(run: PartnerRun) -> bool:
    """Do the next thing of a run; returns whether there may be more to do."""
    if not selectors.is_current(run):
        _end_run(
            run, RunState.ABANDONED, "The scenarios have changed with an update: run it again."
        )
        return False
    scenario = get_scenario(run.scenario)
    rows = {row.key: row for row in run.steps.order_by("number")}
    row = next((each for each in rows.values() if each.state not in OVER), None)
    if row is None:
        _finish(run, list(rows.values()))
        return False
    step = scenario.step(row.key)
    if row.state == StepState.PENDING:
        _open(run, scenario, step, row, rows)
        return True
    _look(run, step, row, rows)
    if row.state == StepState.WAITING and _is_late(run, row):
        _late(step, row)
    row.save()
    return row.state in OVER


def _open(
    run: PartnerRun, scenario: Scenario, step: Step, row: RunStep, rows: dict[str, RunStep]
) -> None:
    now = clock.now()
    row.opened_at, row.state = now, StepState.WAITING
    missing = [key for key in step.needs if rows[key].state != StepState.PASSED]
    if missing:
        title = scenario.step(missing[0]).title
        _end(row, StepState.SKIPPED, f"Not run: it needs the step {title!r}")
    elif step.kind == Kind.REPEAT:
        row.message_mrid = rows[step.needs[0]].message_mrid
    elif step.kind in (Kind.TELL, Kind.TELL_AGAIN):
        _tell(run, step, row, rows)
    else:
        run.values[_REPEATED] = str(trials.repetitions(_taken(rows)))
        run.save(update_fields=["values"])
    row.save()


def _taken(rows: dict[str, RunStep]) -> list[str]:
    return [each.message_mrid for each in rows.values() if each.message_mrid]


def _tell(run: PartnerRun, step: Step, row: RunStep, rows: dict[str, RunStep]) -> None:
    client, operation = run.client.mrid, operations.get(step.operation)
    try:
        if step.kind == Kind.TELL_AGAIN:
            first = rows[step.needs[0]].message_mrid
            row.message_mrid = trials.tell_again(client, operation, first)
        else:
            actor = actor_of_client(run.client, source="push")
            payload = payload_of(step.operation, run.values, actor=actor)
            row.message_mrid = trials.tell(client, operation, payload, run.values["group_mrid"])
    except DermsError as error:
        _end(row, StepState.FAILED, error.message)


def _look(run: PartnerRun, step: Step, row: RunStep, rows: dict[str, RunStep]) -> None:
    if step.kind == Kind.SEND:
        _look_for_message(run, step, row, rows)
    elif step.kind == Kind.REPEAT:
        if trials.repetitions([row.message_mrid]) > 0:
            _end(row, StepState.PASSED)
    elif step.kind == Kind.ANSWER:
        row.message_mrid = row.message_mrid or trials.find_answer(
            run.client.mrid, rows[step.needs[0]].message_mrid
        )
        if row.message_mrid:
            _look_at_delivery(step, row)
    else:
        _look_at_delivery(step, row)


def _look_for_message(run: PartnerRun, step: Step, row: RunStep, rows: dict[str, RunStep]) -> None:
    taken = _taken(rows)
    operation = operations.get(step.operation)
    # A fast partner has sent the next message before the last one was looked at.
    since = trials.last_received_at(taken) or run.started_at
    for message in trials.received_from(run.client.mrid, since=since).exclude(mrid__in=taken):
        if not _may_be_meant(message, operation):
            continue
        used = set(trials.message_ids(taken).values())
        judged = _judged(step, message, run.values, used)
        row.message_mrid, row.latency_ms = message.mrid, message.duration_ms
        _settle(row, judged)
        if judged.group:
            run.values["group_mrid"] = judged.group[0]
            run.values["group_name"] = judged.group[1] or run.values["group_name"]
            run.save(update_fields=["values"])
        return
    if trials.repetitions(taken) > int(run.values.get(_REPEATED, "0")):
        row.difference = (
            "What came has the MessageID of an earlier message and got its reply again: this step "
            "needs a message with a MessageID of its own"
        )


def _judged(step: Step, message: trials.Message, values: dict[str, str], used: set[str]) -> Judged:
    """Judge a message; one that nobody foresaw fails its step and does not stop the run."""
    try:
        return judge(step, message, values, used)
    except Exception:  # noqa: BLE001 - a partner may send anything
        _log.exception("message %s could not be judged", message.mrid)
        return Judged(f"We could not judge this message: tell us its number, {message.mrid}")


def _settle(row: RunStep, judged: Judged) -> None:
    row.drift_s, row.remark = judged.drift_s, judged.remark[:500]
    _end(row, StepState.FAILED if judged.difference else StepState.PASSED, judged.difference)


def _may_be_meant(message: trials.Message, operation: operations.Operation) -> bool:
    """Tell whether a message may be the one of a step: of its noun, or of none that was read.

    A query where something else is expected is none: many systems poll in the background.
    """
    if not message.noun:
        return True
    if message.noun != operation.noun:
        return False
    return message.verb == operation.verb or "get" not in (message.verb, operation.verb)


def _look_at_delivery(step: Step, row: RunStep) -> None:
    told = trials.told(row.message_mrid)
    if told.http_status is None or (told.http_status in _NOT_YET and not told.over):
        row.difference = f"Not delivered yet: {told.details}"[:500] if told.details else ""
        if told.over:
            _end(row, StepState.FAILED, f"Not delivered: {told.details}")
        return
    row.latency_ms = told.duration_ms
    if step.kind == Kind.ANSWER:
        fits = told.http_status in _HTTP_OF_ANSWERS
        _settle(row, Judged("" if fits else f"Your ReplyAddress answers HTTP {told.http_status}"))
    else:
        _settle(row, judge_reply(operations.get(step.operation), told))
    if not told.delivered:
        trials.give_up(row.message_mrid)


def _is_late(run: PartnerRun, row: RunStep) -> bool:
    waits = dt.timedelta(seconds=run.step_timeout_s)
    return row.opened_at is not None and clock.now() - row.opened_at > waits


def _late(step: Step, row: RunStep) -> None:
    if step.kind == Kind.ANSWER and not row.message_mrid:
        _end(row, StepState.FAILED, "Our answer was not ready in time")
    elif step.kind in TOLD:
        trials.give_up(row.message_mrid)
        _end(row, StepState.FAILED, row.difference or "No reply of yours came in time")
    elif step.kind == Kind.REPEAT:
        _end(row, StepState.FAILED, f"No {step.operation} with the same MessageID came in time")
    else:
        text = (
            f"No {step.operation} of yours came in time; one without good credentials (HTTP 401, "
            "fault 7.x) is nobody's"
        )
        _end(row, StepState.FAILED, row.difference or text)


def _end(row: RunStep, state: StepState, difference: str = "") -> None:
    row.state, row.finished_at, row.difference = state, clock.now(), difference[:500]


def _finish(run: PartnerRun, rows: list[RunStep]) -> None:
    drifts = [row.drift_s for row in rows if row.drift_s is not None]
    run.clock_drift_s = statistics.median(drifts) if drifts else None
    if any(row.kind in TOLD and row.state == StepState.PASSED for row in rows):
        ends = trials.endpoint_certificate_until(run.client.mrid)
        run.endpoint_certificate_days = None if ends is None else (ends - clock.now()).days
    passed = all(row.state == StepState.PASSED for row in rows)
    _end_run(run, RunState.PASSED if passed else RunState.FAILED)


def _end_run(run: PartnerRun, state: RunState, comment: str = "") -> None:
    run.state, run.finished_at, run.comment = state, clock.now(), comment
    run.save()
    record_run("conformance.finish", run, SYSTEM)
    clear_sandbox(run)
