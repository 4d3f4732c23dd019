"""`manage.py partner_test`: a run of the partner bench in a terminal."""

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from derms.audit.services import record_refused
from derms.conformance import reports, selectors, services
from derms.conformance.choices import OVER, RunState, StepState
from derms.conformance.rules.scenarios import SCENARIOS
from derms.conformance.selectors import Shown
from derms.core.actors import Actor, ActorKind
from derms.core.errors import DermsError

_POLL_S = 0.5
_ACTOR = Actor(kind=ActorKind.SYSTEM, mrid="", name="partner_test", source="command")
_SIGNS = {StepState.PASSED: "passed", StepState.FAILED: "FAILED", StepState.SKIPPED: "skipped"}
_NOT_PASSED, _NOT_RUN = 1, 2


class Command(BaseCommand):
    """Start a run, or go on with one, and tell of each step."""

    help = (
        "Run the partner bench for an API client in the sandbox. Exit status: 0 the run has "
        "passed, 1 it has not, 2 it could not be started. ^C leaves the run going; the same "
        "command follows it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the command line."""
        parser.add_argument("--client", required=True, help="login of the API client")
        parser.add_argument(
            "--scenario", default="", choices=["", *(s.key for s in SCENARIOS)],
            help="default: the whole one of the client's role",
        )  # fmt: skip
        parser.add_argument("--timeout", type=float, help="how long a step waits [s]")
        parser.add_argument("--samples", action="store_true", help="show messages to copy")
        parser.add_argument(
            "--plain", action="store_true", help="samples without SOAP, to be posted to /cim"
        )
        parser.add_argument(
            "--json", action="store_true",
            help="one JSON object a line for each step that is over, the run's own last",
        )  # fmt: skip
        parser.add_argument("--report", help="write the whole run to this file, .html or .json")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Follow the run to its end."""
        report = Path(options["report"]) if options["report"] else None
        kind = report.suffix.removeprefix(".") if report else ""
        if report and kind not in reports.KINDS:
            raise CommandError("A report is .html or .json.", returncode=_NOT_RUN)
        try:
            client = selectors.find_client(options["client"], actor=_ACTOR)
            run = selectors.find_running(client.mrid) or services.start_run(
                client=client,
                scenario=options["scenario"],
                step_timeout_s=options["timeout"],
                actor=_ACTOR,
            )
        except DermsError as error:
            record_refused(
                action="conformance.start",
                object_type="PartnerRun",
                reason=f"{error.code}: {error.message}"[:500],
                asked={"client": options["client"], "scenario": options["scenario"]},
                actor=_ACTOR,
            )
            raise CommandError(error.message, returncode=_NOT_RUN) from error
        if not options["json"]:
            self.stdout.write(f"Run {run.mrid}: {run.scenario} of {client.client_id}")
        run = self._follow(run.mrid, options)
        if report:
            report.write_text(reports.render(run, kind, actor=_ACTOR), encoding="utf-8")
        self._conclude(run, as_json=options["json"])
        if run.state != RunState.PASSED:
            raise CommandError("The partner has not passed.", returncode=_NOT_PASSED)

    def _follow(self, mrid: str, options: dict[str, Any]) -> selectors.Run:
        told: dict[int, str] = {}
        while True:
            run = services.advance_run(mrid)
            for shown in selectors.steps_of(run, is_soap=not options["plain"]):
                row = shown.row
                if row.state != told.get(row.number, StepState.PENDING):
                    waited = row.number in told
                    told[row.number] = row.state
                    tell = self._tell_json if options["json"] else self._tell
                    tell(shown, has_waited=waited, samples=options["samples"])
            if run.state != RunState.RUNNING:
                return run
            self.stdout.flush()
            time.sleep(_POLL_S)

    def _tell(self, shown: Shown, *, has_waited: bool, samples: bool) -> None:
        row = shown.row
        if not has_waited:
            self.stdout.write(f"\n{row.number:2}. {row.title}\n    {row.expected}")
            if samples and shown.sample and row.state == StepState.WAITING:
                self.stdout.write(f"    {shown.address}\n    {shown.sample}")
        if row.state in OVER:
            took = "" if row.latency_ms is None else f" ({row.latency_ms:.0f} ms)"
            sentence = f": {row.difference}" if row.difference else ""
            self.stdout.write(f"    {_SIGNS[StepState(row.state)]}{took}{sentence}")
            if row.remark:
                self.stdout.write(f"    not by the letter: {row.remark}")

    def _tell_json(self, shown: Shown, *, has_waited: bool, samples: bool) -> None:
        row = shown.row
        if row.state not in OVER and not (samples and not has_waited):
            return
        line = {
            "number": row.number, "key": row.key, "operation": row.operation, "state": row.state,
            "difference": row.difference, "remark": row.remark, "latency_ms": row.latency_ms,
            "drift_s": row.drift_s,
        }  # fmt: skip
        if samples and row.state not in OVER:
            line |= {"kind": row.kind, "address": shown.address, "sample": shown.sample}
        self.stdout.write(json.dumps(line))

    def _conclude(self, run: selectors.Run, *, as_json: bool) -> None:
        if as_json:
            line = {
                "run": run.mrid, "scenario": run.scenario, "state": run.state,
                "clock_drift_s": run.clock_drift_s, "certificate_days": run.certificate_days,
                "endpoint_certificate_days": run.endpoint_certificate_days,
            }  # fmt: skip
            self.stdout.write(json.dumps(line))
            return
        drift = "not known" if run.clock_drift_s is None else f"{run.clock_drift_s:+.1f} s"
        self.stdout.write(
            f"\nClock of the partner: {drift}. Client certificate: {_days(run.certificate_days)}. "
            f"Certificate of its endpoint: {_days(run.endpoint_certificate_days)}."
        )
        ended = f"The run has {run.state}." if not run.comment else f"The run: {run.comment}"
        self.stdout.write(ended)


def _days(days: int | None) -> str:
    return "none" if days is None else f"{days} days left"
