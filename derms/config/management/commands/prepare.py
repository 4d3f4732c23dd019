"""`manage.py prepare`: bring the database up to date and fill in what is missing.

Prints one line per step, `what<TAB>seconds`, for the supervisor and the deploy log.
"""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from psycopg import sql

from derms.config import seed


class Command(BaseCommand):
    """Creates the database, migrates it and seeds it; a second call changes nothing."""

    help = "Create and migrate the database, make the first users and import the simulated fleet."
    requires_system_checks = ("derms",)  # refuse an unsafe production before anything is made

    def handle(self, **_options: Any) -> None:
        """Run the steps in order."""
        self._step("database", create_database)
        self._step("migrations", migrate)
        for what, action in seed.steps():
            self._step(what, action)

    def _step(self, what: str, action: Callable[[], object]) -> None:
        began = time.monotonic()
        action()
        self.stdout.write(f"{what}\t{time.monotonic() - began:.2f}")


def create_database() -> None:
    """Create the database of DATABASE_URL when the server does not have it yet."""
    wanted = settings.DATABASES["default"]
    server = {k.lower(): wanted[k] for k in ("HOST", "PORT", "USER", "PASSWORD") if wanted[k]}
    try:
        main = psycopg.connect(dbname="postgres", autocommit=True, **server, **wanted["OPTIONS"])
    except psycopg.OperationalError:
        return  # no right to look: then the database has been made for us, or migrating says so
    with main:
        known = main.execute("select 1 from pg_database where datname = %s", [wanted["NAME"]])
        if known.fetchone() is None:
            main.execute(sql.SQL("create database {}").format(sql.Identifier(wanted["NAME"])))


def migrate() -> None:
    """Apply what is missing; planning alone is much cheaper than an empty `migrate`."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)
