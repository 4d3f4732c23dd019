"""Reads of the partner bench: runs in the scope of who asks, their steps, what is due."""

import datetime as dt
from dataclasses import dataclass, replace

from django.conf import settings
from django.db.models import QuerySet

from derms.accounts import selectors as accounts
from derms.accounts.scopes import SANDBOX_MRID, visible_organisations
from derms.cim import names, operations, trials
from derms.cim.selectors import body_text, shown_text
from derms.conformance.choices import RunState
from derms.conformance.models import PartnerRun, RunStep
from derms.conformance.rules.samples import SAMPLES, Frame, reply_sample, sample_of
from derms.conformance.rules.scenario import TOLD, Kind
from derms.conformance.rules.scenarios import get_scenario
from derms.core import clock
from derms.core.actors import Actor, ActorKind
from derms.core.errors import NotFoundError
from derms.devices.selectors import filter_devices, list_devices

Run = PartnerRun  # what doors, which may not import models, call the rows they get
StepRow = RunStep


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as it is shown.

    Attributes:
        row: What it expects and what became of it.
        sample: A message to copy: the one to send, or the reply to ours. May be empty.
        address: Path below our address, or below the partner's endpoint; empty = none of those.
    """

    row: RunStep
    sample: str
    address: str


def list_runs(*, actor: Actor, client_mrid: str = "") -> QuerySet[PartnerRun]:
    """Return the runs the actor may see, the newest first.

    A client sees its own, somebody of an aggregator those of its organisation's clients.
    """
    runs = PartnerRun.objects.select_related("client__organisation").order_by("-id")
    if (own := _clients_of(actor)) is not None:
        runs = runs.filter(client__in=[client.pk for client in own])
    return runs.filter(client__mrid=client_mrid) if client_mrid else runs


def _clients_of(actor: Actor) -> list[accounts.Client] | None:
    """Return the API clients whose runs are the actor's business; None means all."""
    clients = accounts.list_clients()
    if actor.kind == ActorKind.CLIENT:
        return list(clients.filter(mrid=actor.mrid))
    visible = visible_organisations(actor)
    return None if visible is None else list(clients.filter(organisation__mrid__in=visible))


def get_run(mrid: str, *, actor: Actor) -> PartnerRun:
    """Return one run.

    Raises:
        NotFoundError: no such run, or not one of this client.
    """
    run = list_runs(actor=actor).filter(mrid=mrid).first()
    if run is None:
        raise NotFoundError(f"There is no run {mrid}.", code="unknown_run")
    return run


def lock_run(mrid: str) -> PartnerRun:
    """Return one run locked until the end of the transaction.

    Raises:
        NotFoundError: no such run.
    """
    run = PartnerRun.objects.select_for_update(of=("self",)).filter(mrid=mrid)
    found = run.select_related("client__organisation").first()
    if found is None:
        raise NotFoundError(f"There is no run {mrid}.", code="unknown_run")
    return found


def running() -> list[str]:
    """Return the mRIDs of the runs that are not over."""
    found = PartnerRun.objects.filter(state=RunState.RUNNING).order_by("id")
    return list(found.values_list("mrid", flat=True))


def find_running(client_mrid: str) -> PartnerRun | None:
    """Return the run of a client that is not over."""
    return PartnerRun.objects.filter(client__mrid=client_mrid, state=RunState.RUNNING).first()


def is_current(run: PartnerRun) -> bool:
    """Tell whether the scenario is still the one the run went through."""
    try:
        return get_scenario(run.scenario).version == run.scenario_version
    except KeyError:
        return False


def failed_since(run: PartnerRun) -> bool:
    """Tell whether the client has failed a later run of the scenario."""
    later = PartnerRun.objects.filter(client=run.client_id, pk__gt=run.pk)
    return later.filter(state=RunState.FAILED).exists()


def steps_of(run: PartnerRun, *, is_soap: bool = True) -> list[Shown]:
    """Return the steps of a run in order, with samples made now.

    Args:
        run: The run.
        is_soap: Samples in SOAP, for the services; else as they are, for `/cim`.
    """
    rows = list(run.steps.order_by("number"))
    ours = [row.message_mrid for row in rows if row.kind in TOLD and row.message_mrid]
    frame = Frame(names.base(), clock.now(), is_soap)
    message_ids = trials.message_ids(ours)
    return [_shown(row, run.values, frame, message_ids.get(row.message_mrid, "")) for row in rows]


def _shown(row: RunStep, values: dict[str, str], frame: Frame, message_id: str) -> Shown:
    if not row.operation:  # of a run before steps were kept
        return Shown(row, "", "")
    operation = operations.get(row.operation)
    if row.kind in (Kind.TELL, Kind.TELL_AGAIN):
        space = names.wrapper(operation.messages.message)
        noun = operation.messages.header_noun
        told = replace(frame, is_soap=True)
        reply = reply_sample(
            operation.response_root, space, noun, message_id or "MessageID of our message", told
        )
        return Shown(row, reply, operation.address_path)
    address = operation.address_path if frame.is_soap else "cim"
    sample = sample_of(row.sample, values, frame) if row.sample in SAMPLES else ""
    return Shown(row, sample, "" if row.kind == Kind.ANSWER else address)


def get_step(run_mrid: str, number: str, *, actor: Actor) -> RunStep:
    """Return one step of a run.

    Raises:
        NotFoundError: no such run or step, or not one of this client.
    """
    steps = get_run(run_mrid, actor=actor).steps
    row = steps.filter(number=number).first() if number.isdecimal() else None
    if row is None:
        raise NotFoundError(f"The run has no step {number}.", code="unknown_step")
    return row


def messages_of(row: RunStep, *, actor: Actor) -> tuple[str, str]:
    """Return request and reply of a step as its reader may see them; empty before it has ended.

    Of a step we act in the request is ours.
    """
    found = trials.find_exchange(row.message_mrid) if row.message_mrid else None
    if found is None:
        return "", ""
    if actor.kind == ActorKind.CLIENT:  # its own words
        return body_text(found.request_body), body_text(found.reply_body)
    return shown_text(found.request_body, actor), shown_text(found.reply_body, actor)


def list_partners(*, actor: Actor) -> list[tuple[accounts.Client, PartnerRun | None]]:
    """Return the API clients that speak CIM with the last run of each, by login.

    Only those whose runs the actor may see.
    """
    own = _clients_of(actor)
    known = accounts.list_clients() if own is None else own
    clients = [c for c in known if {"dms", "aggregator"} & set(c.roles)]
    rows = PartnerRun.objects.filter(client__in=[c.pk for c in clients])
    last = {run.client_id: run for run in rows.select_related("client").order_by("id")}
    return [(client, last.get(client.pk)) for client in clients]


def find_client(client_id: str, *, actor: Actor) -> accounts.Client:
    """Return an API client by its login.

    Raises:
        NotFoundError: no such client, or not one of somebody's own organisation.
    """
    found = accounts.list_clients().filter(client_id=client_id).first()
    own = None if actor.kind == ActorKind.CLIENT else _clients_of(actor)
    if found is None or (own is not None and found not in own):
        raise NotFoundError(f"There is no API client {client_id}.")
    return found


def devices_in_use() -> set[str]:
    """Return the mRIDs of the sandbox devices of the runs that are not over."""
    found = PartnerRun.objects.filter(state=RunState.RUNNING).values_list("values", flat=True)
    return {mrid for values in found for name, mrid in values.items() if name.startswith("device")}


def sandbox_devices(count: int, *, taken: set[str]) -> list[str]:
    """Return the mRIDs of free devices of the sandbox that may be dispatched: batteries first.

    Args:
        count: How many.
        taken: mRIDs of those that others use.

    Raises:
        NotFoundError: the sandbox has fewer, or too few are free.
    """
    devices = list_devices(visible={SANDBOX_MRID})
    fit = list(filter_devices(devices, states=("registered",), eligible=True))
    fit.sort(key=lambda device: (device.kind != "battery", device.pk))
    free = [device.mrid for device in fit if device.mrid not in taken]
    if len(free) < count:
        used = f" and {len(fit) - len(free)} of them are in other runs" if taken else ""
        raise NotFoundError(
            f"The sandbox utility has {len(fit)} devices{used}; a run needs {count}: set "
            "DERMS_SANDBOX_DEVICES.",
            code="no_sandbox_devices",
        )
    return free[:count]


def certificate_days(client: accounts.Client, now: dt.datetime) -> int | None:
    """Return the whole days until the last certificate in use of a client ends; None = none."""
    used = accounts.list_in_use().filter(client=client.pk)
    ends = used.order_by("-not_after").values_list("not_after", flat=True).first()
    return None if ends is None else (ends - now).days


def oldest_acceptable(now: dt.datetime) -> dt.datetime:
    """Return the instant before which a run is too old to be accepted."""
    return now - dt.timedelta(days=settings.PARTNER_RUN_DAYS)
