"""`manage.py up`: start and watch the whole system in the foreground until Ctrl-C."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from derms.config import embedded, preflight, runfile, startup
from derms.config.processes import Plan
from derms.config.supervisor import StartError

_REFUSALS = (
    preflight.PreflightError,
    runfile.AlreadyRunningError,
    embedded.EmbeddedError,
    StartError,
)


class Command(BaseCommand):
    """Starts PostgreSQL, Valkey, the doors, the workers, beat and the device simulator."""

    help = "Start the whole system in the foreground; Ctrl-C stops it with nothing left running."
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:
        """Check, lock, plan, start, watch, stop."""
        folder = Path(settings.VAR_DIR).resolve()
        try:
            preflight.prepare_folder(folder)
            with runfile.lock_file(folder):
                preflight.require_web_port(settings.WEB_PORT, settings.WEB_HOST)
                status = asyncio.run(startup.run(_plan(folder)))
        except _REFUSALS as error:
            raise CommandError(str(error)) from error
        sys.exit(status)


def _plan(folder: Path) -> Plan:
    """Choose ports: the page's is fixed, the others give way when they are taken."""
    postgres = settings.POSTGRES_PORT if settings.EMBEDDED_POSTGRES else None
    valkey = settings.VALKEY_PORT if settings.EMBEDDED_VALKEY else None
    devices = settings.SIMULATED_DEVICES + settings.SANDBOX_DEVICES
    pages = [f"http://{host}:{settings.WEB_PORT}" for host in settings.ALLOWED_HOSTS]
    return Plan(
        folder=folder,
        host=settings.WEB_HOST,
        name=settings.ALLOWED_HOSTS[0].lstrip(".*") if settings.ALLOWED_HOSTS else "",
        web_port=settings.WEB_PORT,
        socket_port=preflight.internal_port(settings.SOCKET_PORT),
        postgres_port=postgres and preflight.internal_port(postgres),
        valkey_port=valkey and preflight.internal_port(valkey),
        devices=devices,
        sandbox=settings.SANDBOX_DEVICES,
        control_port=preflight.internal_port(settings.SIMULATOR_PORT, devices + 1),
        origins=(*pages, *settings.SOCKET_ORIGINS),
    )
