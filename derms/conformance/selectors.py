"""Reads of the partner bench: runs in the scope of who asks, their steps, what is due."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from derms.accounts import selectors as accounts
from derms.accounts.scopes import SANDBOX_MRID
from derms.cim import names
from derms.conformance.choices import RunState
from derms.conformance.models import PartnerRun, RunStep
from derms.conformance.rules.samples import sample_of
from derms.conformance.rules.scenario import Scenario, Step
from derms.conformance.rules.scenarios import get_scenario
from derms.core import clock
from derms.core.actors import Actor, ActorKind
from derms.core.errors import NotFoundError
from derms.devices.selectors import filter_devices, list_devices

Run = PartnerRun  # what doors, which may not import models, call the rows they get
StepRow = RunStep


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as it is shown: its row, what the scenario says of it, and the message to copy."""

    row: RunStep
    step: Step
    expected: str
    sample: str


def list_runs(*, actor: Actor, client_mrid: str = "") -> QuerySet[PartnerRun]:
    """Return the runs the actor may see, the newest first: a client sees its own."""
    runs = PartnerRun.objects.select_related("client__organisation").order_by("-id")
    if actor.kind == ActorKind.CLIENT:
        runs = runs.filter(client__mrid=actor.mrid)
    return runs.filter(client__mrid=client_mrid) if client_mrid else runs


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


def failed_since(run: PartnerRun) -> bool:
    """Tell whether the client has failed a later run of the scenario."""
    later = PartnerRun.objects.filter(client=run.client_id, pk__gt=run.pk)
    return later.filter(state=RunState.FAILED).exists()


def steps_of(run: PartnerRun) -> list[Shown]:
    """Return the steps of a run in order, with samples made now."""
    scenario = get_scenario(run.scenario)
    rows = run.steps.order_by("number")
    return [_shown(row, scenario, run.values) for row in rows]


def _shown(row: RunStep, scenario: Scenario, values: dict[str, str]) -> Shown:
    step = scenario.step(row.key)
    sample = ""
    if step.sample:
        base = names.base()
        sample = sample_of(step.sample, values, base=base, now=clock.now())
    return Shown(row, step, step.expected.format(**values), sample)


def list_partners() -> list[tuple[accounts.Client, PartnerRun | None]]:
    """Return the API clients that speak CIM with the last run of each, by login."""
    clients = [c for c in accounts.list_clients() if {"dms", "aggregator"} & set(c.roles)]
    rows = PartnerRun.objects.filter(client__in=[c.pk for c in clients])
    last = {run.client_id: run for run in rows.select_related("client").order_by("id")}
    return [(client, last.get(client.pk)) for client in clients]


def find_client(client_id: str) -> accounts.Client:
    """Return an API client by its login.

    Raises:
        NotFoundError: no such client.
    """
    found = accounts.list_clients().filter(client_id=client_id).first()
    if found is None:
        raise NotFoundError(f"There is no API client {client_id}.")
    return found


def sandbox_devices(count: int) -> list[str]:
    """Return the mRIDs of devices of the sandbox that may be dispatched: batteries first.

    Raises:
        NotFoundError: the sandbox has fewer.
    """
    devices = list_devices(visible={SANDBOX_MRID})
    fit = list(filter_devices(devices, states=("registered",), eligible=True))
    fit.sort(key=lambda device: (device.kind != "battery", device.pk))
    if len(fit) < count:
        raise NotFoundError(
            f"The sandbox utility has {len(fit)} devices and the bench needs {count}: set "
            "DERMS_SANDBOX_DEVICES.",
            code="no_sandbox_devices",
        )
    return [device.mrid for device in fit[:count]]


def certificate_days(client: accounts.Client, now: dt.datetime) -> int | None:
    """Return the whole days until the last certificate in use of a client ends; None = none."""
    used = accounts.list_in_use().filter(client=client.pk)
    ends = used.order_by("-not_after").values_list("not_after", flat=True).first()
    return None if ends is None else (ends - now).days


def oldest_acceptable(now: dt.datetime) -> dt.datetime:
    """Return the instant before which a run is too old to be accepted."""
    return now - dt.timedelta(days=settings.PARTNER_RUN_DAYS)
