"""One life of the system: start in stages, watch, stop in reverse. Called by `manage.py up`."""

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from derms.config import embedded, preflight, processes, runfile, summary
from derms.config.processes import Plan
from derms.config.supervisor import StartError, Supervisor, http_status, say

_LIMIT_S = 90.0
_DISK_EVERY_S = 15.0
_DISK_LOW_BYTES = 200 * 2**20


class Steps:
    """How long each step of the start took, printed as it ends."""

    def __init__(self) -> None:
        self._began = process_started()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Time one step."""
        began = time.monotonic()
        yield
        self.done(what, time.monotonic() - began)

    def done(self, what: str, took_s: float) -> None:
        """Print one step."""
        say(f"  {what:<34} {took_s:5.1f} s")

    @property
    def total_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began


def process_started() -> float:
    """Return when this process began, on the clock of `time.monotonic`; imports count too."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


async def run(plan: Plan) -> int:
    """Start everything, watch it until a signal, stop it; returns the exit status.

    Raises:
        StartError: something cannot start; what had started has been stopped again.
    """
    supervisor = Supervisor(plan.folder, plan.environment())
    supervisor.listen_to_signals()
    try:
        await _start(plan, supervisor, Steps())
        await _watch(plan, supervisor)
    except asyncio.CancelledError:
        say("Stopped before everything had started.")
    finally:
        stopping = time.monotonic()
        await supervisor.stop()
        _write_state(plan, supervisor, ready=False)
        say(f"Stopped; nothing is left running ({time.monotonic() - stopping:.1f} s).")
    return 0


async def _start(plan: Plan, supervisor: Supervisor, steps: Steps) -> None:
    say(f"Starting DERMS, data in {plan.folder}")
    _make_folder(plan.folder)
    _write_state(plan, supervisor, ready=False)
    if plan.postgres_port:
        data = plan.folder / "postgres"
        if not (data / "PG_VERSION").exists():
            with steps.step("new database cluster"):
                await asyncio.to_thread(embedded.init_postgres, data)
        preflight.drop_stale_postgres_lock(data)
    servers = processes.servers(plan)
    supervisor.start(servers)
    with steps.step("PostgreSQL, Valkey, simulator"):
        await supervisor.wait_ready(*(p.name for p in servers), timeout_s=_LIMIT_S)
    supervisor.start(processes.doors(plan))
    for line in await supervisor.run("prepare", processes.prepare_command()):
        what, _, took_s = line.rpartition("\t")
        if what:
            steps.done(what, float(took_s))
    workers = processes.workers()
    supervisor.start(workers)
    with steps.step("web process answers"):
        await _page_answers(plan, supervisor)
    page_s = steps.total_s
    with steps.step("sockets and workers"):
        await supervisor.wait_ready(*supervisor.children, timeout_s=_LIMIT_S)
    _write_state(plan, supervisor, ready=True)
    summary.show(plan, page_s=page_s, total_s=steps.total_s)


def _make_folder(folder: Path) -> None:
    """Make the session key and an empty metrics folder: counters of dead processes mislead."""
    if not (folder / "secret_key").exists():
        descriptor = os.open(folder / "secret_key", os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64))
    shutil.rmtree(folder / "metrics", ignore_errors=True)
    (folder / "metrics").mkdir()


async def _page_answers(plan: Plan, supervisor: Supervisor) -> None:
    """Wait until the page's process says it can serve."""
    await supervisor.wait_ready("web", timeout_s=_LIMIT_S)
    deadline = time.monotonic() + _LIMIT_S
    status = 0
    while (status := await http_status(plan.web_port, "/health/ready", plan.name)) != 200:
        if supervisor.stopping.is_set():
            raise asyncio.CancelledError
        if time.monotonic() > deadline:
            raise StartError(f"The web process answers {status} at /health/ready; see web.log")
        await asyncio.sleep(0.1)


async def _watch(plan: Plan, supervisor: Supervisor) -> None:
    """Wait for a signal; keep the state file true and say when the disk runs full."""
    warned, known = False, supervisor.rows()
    next_disk = 0.0
    while not supervisor.stopping.is_set():
        if (now := supervisor.rows()) != known:
            known = now
            _write_state(plan, supervisor, ready=True)
        if time.monotonic() > next_disk:
            next_disk = time.monotonic() + _DISK_EVERY_S
            free = shutil.disk_usage(plan.folder).free
            if free < _DISK_LOW_BYTES and not warned:
                say(f"The disk of {plan.folder} is nearly full: {free // 2**20} MB left.")
            warned = free < _DISK_LOW_BYTES
        with suppress(TimeoutError):
            await asyncio.wait_for(supervisor.stopping.wait(), 0.5)
    say("Stopping ...")


def _write_state(plan: Plan, supervisor: Supervisor, *, ready: bool) -> None:
    """Leave the addresses for other commands, the demo and the tests."""
    state = {
        "ready": ready,
        "pid": os.getpid(),
        "address": plan.address,
        "host": plan.host,
        "web_port": plan.web_port,
        "socket_port": plan.socket_port,
        "control_port": plan.control_port if plan.devices else None,
        "pids": supervisor.pids() if ready else {},
        "processes": supervisor.rows() if ready else [],
        **{name.lower(): url for name, url in plan.urls().items()},
    }
    with suppress(OSError):  # a full disk must not keep the system from stopping
        runfile.write_private(plan.folder / "run.json", state)
