"""Starts and observes a whole DERMS of its own: own folder, own ports, real processes."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from derms.config import preflight, runfile

_OF_THIS_TEST_RUN = ("DATABASE_URL", "REDIS_URL", "DERMS_ENV", "DJANGO_SETTINGS_MODULE")


def wait_until(what: Callable[[], object], timeout_s: float = 60.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.05)
    return False


class System:
    """One `manage.py up` with four simulated devices."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        # Below the range of outgoing connections, which would take a port while it restarts.
        self.port = preflight.internal_port(random.randrange(20000, 31000), 5)
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        inherited = {k: v for k, v in os.environ.items() if k not in _OF_THIS_TEST_RUN}
        self.environment = inherited | {
            "DERMS_VAR_DIR": str(self.folder),
            "DERMS_PORT": str(self.port),
            "DERMS_POSTGRES_PORT": str(self.port + 2),
            "DERMS_VALKEY_PORT": str(self.port + 3),
            "DERMS_SIMULATOR_PORT": str(self.port + 4),
            "DERMS_SIMULATED_DEVICES": "4",
        }

    def __enter__(self) -> "System":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process and self.process.poll() is None:
            self.send(signal.SIGINT)

    def start(self) -> "System":
        self.launch()
        wait_until(lambda: self.is_up() or self.process.poll() is not None, 150)
        assert self.is_up(), self.output
        return self

    def launch(self) -> None:
        self.lines.clear()
        self.process = subprocess.Popen(
            [sys.executable, str(runfile.ROOT / "manage.py"), "up"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=[self.process], daemon=True).start()

    def is_up(self) -> bool:
        return self.state.get("ready", False) and self.state["pid"] == self.process.pid

    def _read(self, process: "subprocess.Popen[str]") -> None:
        with process.stdout as out:
            self.lines.extend(out)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def state(self) -> dict:
        return runfile.read_json(self.folder / "run.json")

    def pid(self, name: str) -> int | None:
        return self.state.get("pids", {}).get(name)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        return self.get("/health/ready")[0] == 200

    def send(self, number: signal.Signals) -> int:
        """Signal the supervisor alone, as Ctrl-C does, and wait for its end."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def processes(self) -> list[str]:
        """Return every living process of this system but the supervisor's observer."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                status = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                mine = f"DERMS_VAR_DIR={self.folder}".encode() in (entry / "environ").read_bytes()
                here = (entry / "cwd").resolve().is_relative_to(self.folder)
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if (mine or here) and status != "Z":
                found.append(f"{entry.name} {command}")
        return found


def run_up(
    environment: dict[str, str], inside: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `manage.py up` when it is expected to refuse."""
    return subprocess.run(
        [*inside, sys.executable, str(runfile.ROOT / "manage.py"), "up"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def credentials(system: System) -> dict:
    return json.loads((system.folder / "credentials.json").read_text())
