"""`manage.py partner_test`: a run of the partner bench in a terminal."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from derms.conformance import selectors, services
from derms.conformance.choices import OVER, RunState, StepState
from derms.conformance.rules.scenarios import SCENARIOS
from derms.conformance.selectors import Shown
from derms.core.actors import Actor, ActorKind
from derms.core.errors import DermsError

_POLL_S = 0.5
_ACTOR = Actor(kind=ActorKind.SYSTEM, mrid="", name="partner_test", source="command")
_SIGNS = {StepState.PASSED: "passed", StepState.FAILED: "FAILED", StepState.SKIPPED: "skipped"}


class Command(BaseCommand):
    """Start a run, or go on with one, and tell of each step."""

    help = "Run the partner bench for an API client in the sandbox; status 0 only if it passes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command line."""
        parser.add_argument("--client", required=True, help="login of the API client")
        parser.add_argument(
            "--scenario", default="", choices=["", *(s.key for s in SCENARIOS)],
            help="default: the whole one of the client's role",
        )  # fmt: skip
        parser.add_argument("--timeout", type=float, help="how long a step waits [s]")
        parser.add_argument("--samples", action="store_true", help="show messages to copy")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Follow the run to its end; ^C leaves it running."""
        try:
            client = selectors.find_client(options["client"])
            run = selectors.find_running(client.mrid) or services.start_run(
                client=client,
                scenario=options["scenario"],
                step_timeout_s=options["timeout"],
                actor=_ACTOR,
            )
            self.stdout.write(f"Run {run.mrid}: {run.scenario} of {client.client_id}")
            run = self._follow(run.mrid, samples=options["samples"])
        except DermsError as error:
            raise CommandError(error.message) from error
        drift = "not known" if run.clock_drift_s is None else f"{run.clock_drift_s:+.1f} s"
        days = "none" if run.certificate_days is None else f"{run.certificate_days} days left"
        self.stdout.write(f"Clock of the partner: {drift}. Certificate: {days}.")
        self.stdout.write(f"The run has {run.state}.")
        if run.state != RunState.PASSED:
            raise CommandError("The partner has not passed.", returncode=1)

    def _follow(self, mrid: str, *, samples: bool) -> selectors.Run:
        told: dict[int, str] = {}
        while True:
            run = services.advance_run(mrid)
            for shown in selectors.steps_of(run):
                self._tell(shown, told, samples=samples)
            if run.state != RunState.RUNNING:
                return run
            time.sleep(_POLL_S)

    def _tell(self, shown: Shown, told: dict[int, str], *, samples: bool) -> None:
        row = shown.row
        if row.state == told.get(row.number, StepState.PENDING):
            return
        waited = row.number in told
        told[row.number] = row.state
        if not waited:
            self.stdout.write(f"\n{row.number:2}. {shown.step.title}\n    {shown.expected}")
            if samples and shown.sample and row.state == StepState.WAITING:
                self.stdout.write(f"    {shown.sample}")
        if row.state in OVER:
            took = "" if row.latency_ms is None else f" ({row.latency_ms:.0f} ms)"
            sentence = f": {row.difference}" if row.difference else ""
            self.stdout.write(f"    {_SIGNS[StepState(row.state)]}{took}{sentence}")
