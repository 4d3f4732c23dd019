"""`manage.py simulate`: a fleet of simulated SunSpec Modbus TCP devices. Needs no database."""

import dataclasses
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from derms.southbound.simulator.run import Options, SimulatorError, add_arguments, run


class Command(BaseCommand):
    """Serve the fleet until stopped."""

    help = "Serve a fleet of simulated SunSpec Modbus TCP devices (docs/simulator.md)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        names = {field.name for field in dataclasses.fields(Options)}
        try:
            run(Options(**{name: options[name] for name in names}))
        except SimulatorError as error:
            raise CommandError(str(error)) from error
