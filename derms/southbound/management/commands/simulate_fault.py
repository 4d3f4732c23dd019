"""`manage.py simulate_fault`: give devices of a running simulator a fault, or take it away."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from derms.southbound.simulator.client import ControlError, ask
from derms.southbound.simulator.faults import FAULTS


class Command(BaseCommand):
    """Send one request to the control port and name the devices it hit."""

    help = "Give simulated devices a fault, or `clear` it (docs/simulator.md)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("fault", choices=[*FAULTS, "clear"])
        parser.add_argument("--control-port", type=int, default=14999)
        parser.add_argument("--device", action="append", dest="devices", help="name; repeatable")
        parser.add_argument("--count", type=int, help="this many random healthy devices")
        parser.add_argument("--kind", help="only devices of this kind")
        parser.add_argument("--feeder", help="only devices of this feeder")
        parser.add_argument("--value", type=float, help="seconds, exception code or clock rate")

    def handle(self, *_args: Any, **options: Any) -> None:
        request = {
            key: options[key]
            for key in ("devices", "count", "kind", "feeder", "value")
            if options[key] is not None
        }
        request |= (
            {"op": "clear"}
            if options["fault"] == "clear"
            else {"op": "fault", "fault": options["fault"]}
        )
        try:
            names = ask(options["control_port"], request)["devices"]
        except ControlError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['fault']}: {len(names)} devices {' '.join(names[:20])}")
