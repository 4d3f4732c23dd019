"""`manage.py demo`: the main job in a terminal, against the running system or one it starts."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from derms.config import runfile
from derms.config.demo.dms import Dms
from derms.config.demo.story import Story, table

_START_S = 120


@contextlib.contextmanager
def _running_system(say: Any) -> Iterator[dict[str, Any]]:
    """Yield the state of the running system; start one, and stop it again, if none runs."""
    state = runfile.read_running()
    if state:
        yield state
        return
    say("No system runs; starting one (its output is in var/log/demo-up.log).")
    log = runfile.var_dir() / "log" / "demo-up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, str(runfile.ROOT / "manage.py"), "up"],
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + _START_S
        while not (state := runfile.read_running()):
            if child.poll() is not None or time.monotonic() > deadline:
                raise CommandError(f"The system did not start; see {log}")
            time.sleep(0.3)
        yield state
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(timeout=60)


class Command(BaseCommand):
    """Create, query, dispatch, watch, lose devices, cancel, delete; exit 0 only if all held."""

    help = __doc__ or ""
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        with _running_system(self.stdout.write) as state:
            credentials = runfile.read_json(runfile.var_dir() / "credentials.json")
            client = credentials["dms"]
            dms = Dms(state["address"], client["client_id"], client["secret"])
            story = Story(dms, state["control_port"], self.stdout.write)
            held = story.run()
        self.stdout.write(table(story.outcomes))
        if not held:
            raise CommandError("Not all of it held.")
        self.stdout.write("All of it held.")
