"""The processes a kill test needs, each of which may be killed and comes back by itself.

PostgreSQL, Valkey, the simulator, beat and two workers, on ports and folders of their own.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from derms.config import embedded

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Member:
    """One process: how to start it, the one that runs, how often it died."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    deaths: list[float] = field(default_factory=list)
    starting_since: float = 0.0


class World:
    """Starts everything and brings back what dies; `kill` is SIGKILL."""

    def __init__(self, folder: Path, *, devices: int, failpoints: str = "") -> None:
        self.folder = folder
        self.devices = devices
        self.pg_port, self.redis_port = embedded.free_port(), embedded.free_port()
        self.write_log = folder / "writes.jsonl"
        self.write_log.touch()
        self.fleet_csv = folder / "fleet.csv"
        self._environment = dict(os.environ) | {
            "DERMS_ENV": "test",
            "DJANGO_SETTINGS_MODULE": "derms.config.settings.test",
            "DATABASE_URL": f"postgresql://derms@127.0.0.1:{self.pg_port}/postgres",
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "DERMS_VAR_DIR": str(folder / "var"),
            "DERMS_SOUTHBOUND_SHARDS": "2",
            "DERMS_SOUTHBOUND_POLL_RATES_S": "5",
            "DERMS_LOG_LEVEL": "WARNING",
        }
        self.members: dict[str, Member] = {}
        self._failpoints = failpoints

    def apply_environment(self) -> None:
        """Make this very process speak to this world's servers; call before Django is set up."""
        os.environ.update(self._environment)

    def start_servers(self) -> None:
        data = self.folder / "pg"
        embedded.init_postgres(data)
        fast = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
        self._start("postgres", embedded.postgres_command(data, self.pg_port, fast))
        valkey = embedded.valkey_command(self.folder / "valkey", self.redis_port)
        self._start("valkey", valkey)
        for port in (self.pg_port, self.redis_port):
            wait_for(lambda port=port: _answers(port), 30)
        base = _free_range(self.devices + 1)
        self._start(
            "simulator",
            [
                *(sys.executable, "-m", "derms.southbound.simulator", "--mix", "battery=1"),
                *("--devices", str(self.devices), "--base-port", str(base + 1)),
                *("--control-port", str(base), "--log", str(self.write_log)),
                *("--fleet", str(self.fleet_csv), "--poll-interval", "5"),
            ],
        )
        self.control_port = base
        wait_for(lambda: _answers(base), 30)

    def start_workers(self) -> None:
        celery = [sys.executable, "-m", "celery", "-A", "derms.config"]
        schedule = self.folder / "beat-schedule"
        self._start("beat", [*celery, "beat", "-s", str(schedule), "-l", "WARNING"])
        for name in ("worker-a", "worker-b"):
            options = ["-P", "threads", "-c", "8", "-Q", "southbound,core", "-l", "WARNING"]
            quiet = ["--without-gossip", "--without-mingle", "-n", f"{name}@chaos"]
            self._start(name, [*celery, "worker", *options, *quiet])

    def kill(self, name: str) -> None:
        process = self.members[name].process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def stall(self, name: str, seconds: float) -> None:
        """Freeze a process with SIGSTOP; it goes on after a while as if nothing had happened."""
        process = self.members[name].process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGSTOP)
            threading.Timer(seconds, process.send_signal, [signal.SIGCONT]).start()

    def revive(self) -> list[str]:
        """Start again whatever has ended; return the names of what was found dead."""
        dead = []
        for member in self.members.values():
            ended = member.process is not None and member.process.poll() is not None
            # A server that cannot start yet (its port or memory is still held) tries again.
            if ended and time.monotonic() - member.starting_since > 1.0:
                member.deaths.append(time.time())
                dead.append(member.name)
                self._run(member)
        return dead

    def stop(self) -> None:
        order = ["worker-a", "worker-b", "beat", "simulator", "valkey", "postgres"]
        for name in order:
            member = self.members.get(name)
            if member is not None and member.process is not None:
                member.process.kill()
                member.process.wait()

    def _start(self, name: str, command: list[str]) -> None:
        self.members[name] = Member(name, command, self.folder / f"{name}.log")
        self._run(self.members[name])

    def _run(self, member: Member) -> None:
        environment = dict(self._environment)
        if member.name.startswith("worker"):
            environment["DERMS_FAILPOINTS"] = self._failpoints
        if member.name == "postgres":
            environment = dict(embedded.server_environment())
        member.starting_since = time.monotonic()
        with member.log.open("ab") as log:
            member.process = subprocess.Popen(
                member.command, cwd=ROOT, env=environment, stdout=log, stderr=log
            )


def wait_for(condition: Callable[[], object], timeout_s: float) -> bool:
    """Wait until the condition holds; return whether it did."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_range(count: int) -> int:
    """Return the first of `count` neighbouring free ports."""
    for base in range(21000 + os.getpid() % 5000, 60000, count):
        if not any(_answers(port) for port in range(base, base + count)):
            return base
    raise RuntimeError("no free range of ports")
