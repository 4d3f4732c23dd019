"""The processes of one running system: what each one is, how it starts, in which order it stops.

For the supervisor; `docs/operations.md` describes the same table to operators.
"""

import hashlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from derms.config import embedded, runfile

# The embedded server trusts whoever is on its machine's loopback, and listens nowhere else.
DATABASE_USER = DATABASE_NAME = "derms"


@dataclass(frozen=True)
class Process:
    """One child of the supervisor.

    Attributes:
        name: Name on the console and of the log file.
        command: Command line.
        stage: Lower stages start first and stop last.
        port: Loopback port it listens on when ready, if any.
        says_ready: True when it prints a line `ready` instead.
        stop_with: Signal that ends it in order.
        grace_s: Time to end in order before it is killed [s].
    """

    name: str
    command: tuple[str, ...]
    stage: int
    port: int | None = None
    says_ready: bool = False
    stop_with: signal.Signals = signal.SIGTERM
    grace_s: float = 6.0


@dataclass(frozen=True)
class Plan:
    """What to start and where it listens.

    Attributes:
        folder: Data of the servers, logs, lock and credentials.
        host: Address the page binds to.
        name: Host name under which the page answers.
        web_port: Port of the page, REST and CIM XML.
        socket_port: Port of the WebSockets.
        postgres_port: Port of the embedded PostgreSQL; None leaves DATABASE_URL as given.
        valkey_port: Port of the embedded Valkey; None leaves REDIS_URL as given.
        devices: Number of simulated devices; 0 starts no simulator.
        sandbox: How many of them are the sandbox utility's.
        control_port: Port on which the simulator takes faults on demand; devices follow it.
        origins: Pages that may open a WebSocket.
    """

    folder: Path
    host: str
    name: str
    web_port: int
    socket_port: int
    postgres_port: int | None
    valkey_port: int | None
    devices: int
    sandbox: int
    control_port: int
    origins: tuple[str, ...]

    @property
    def address(self) -> str:
        """Address of the page on this machine."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104 - compared only
        return f"http://{host}:{self.web_port}"

    def urls(self) -> dict[str, str]:
        """Return DATABASE_URL and REDIS_URL of the embedded servers."""
        found = {}
        if self.postgres_port:
            found["DATABASE_URL"] = (
                f"postgresql://{DATABASE_USER}@127.0.0.1:{self.postgres_port}/{DATABASE_NAME}"
            )
        if self.valkey_port:
            found["REDIS_URL"] = f"redis://127.0.0.1:{self.valkey_port}/0"
        return found

    def environment(self) -> Mapping[str, str]:
        """Return the environment of every child: the same settings for all processes."""
        own = self.urls() | {
            "DERMS_VAR_DIR": str(self.folder),
            "DERMS_SOCKET_PORT": str(self.socket_port),
            "DERMS_SOCKET_ORIGINS": ",".join(self.origins),
            "PROMETHEUS_MULTIPROC_DIR": str(self.folder / "metrics"),
            "PYTHONUNBUFFERED": "1",
            # `prepare` checks once for all; in each worker it would load every view.
            "CELERY_SKIP_CHECKS": "1",
        }
        if "DERMS_BUILD_ID" not in os.environ:
            own["DERMS_BUILD_ID"] = _build_id()
        if not {"DERMS_SECRET_KEY", "DERMS_SECRET_KEY_FILE"} & os.environ.keys():
            own["DERMS_SECRET_KEY_FILE"] = str(self.folder / "secret_key")
        # Without byte code every restart would compile every module again; PG* variables of the
        # shell are about some other server.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name != "PYTHONDONTWRITEBYTECODE"
            and not (self.postgres_port and name.startswith("PG"))
        }
        return inherited | own


def _build_id() -> str:
    """Return a short name of the console's build: its page changes with every file of it."""
    page = runfile.ROOT / "frontend" / "dist" / "index.html"
    return hashlib.sha256(page.read_bytes()).hexdigest()[:8] if page.exists() else "dev"


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def _manage(*arguments: str) -> tuple[str, ...]:
    return _python(str(runfile.ROOT / "manage.py"), *arguments)


def prepare_command() -> tuple[str, ...]:
    """Return the command that brings the database up to date and fills in what is missing."""
    return _manage("prepare")


def servers(plan: Plan) -> list[Process]:
    """Return the embedded servers and the simulator: what the rest leans on."""
    found = []
    if plan.postgres_port:
        command = embedded.postgres_command(plan.folder / "postgres", plan.postgres_port, {})
        found.append(
            # SIGINT is PostgreSQL's fast shutdown: roll back, write a checkpoint, end.
            Process("postgres", tuple(command), 0, port=plan.postgres_port,
                    stop_with=signal.SIGINT, grace_s=20)
        )  # fmt: skip
    if plan.valkey_port:
        command = embedded.valkey_command(plan.folder / "valkey", plan.valkey_port)
        found.append(Process("valkey", tuple(command), 0, port=plan.valkey_port))
    if plan.devices:
        found.append(Process("simulator", _simulator(plan), 1, port=plan.control_port))
    return found


def _simulator(plan: Plan) -> tuple[str, ...]:
    """Return `manage.py simulate` without Django: it needs no database, and starts in half."""
    folder = plan.folder
    return _python(
        "-m", "derms.southbound.simulator", "--devices", str(plan.devices),
        "--sandbox", str(plan.sandbox),
        "--control-port", str(plan.control_port), "--base-port", str(plan.control_port + 1),
        "--fleet", str(folder / "fleet.csv"), "--log", str(folder / "simulator.log"),
        "--state", str(folder / "simulator.json"),
    )  # fmt: skip


def doors(plan: Plan) -> list[Process]:
    """Return the web process (WSGI) and the socket process (ASGI)."""
    web = _python(
        "-m", "gunicorn", "derms.config.wsgi:application",
        "--config", "python:derms.config.gunicorn", "--bind", f"{plan.host}:{plan.web_port}",
    )  # fmt: skip
    socket = _python(
        "-m", "uvicorn", "derms.config.asgi:application", "--host", plan.host,
        "--port", str(plan.socket_port), "--lifespan", "off", "--no-access-log",
        "--ws-max-size", "65536", "--ws-per-message-deflate", "false",
        "--timeout-graceful-shutdown", "2", "--log-level", "warning",
    )  # fmt: skip
    return [
        Process("web", web, 2, port=plan.web_port),
        Process("sockets", socket, 2, port=plan.socket_port),
    ]


# Queue -> pool and number of threads (docs/operations.md says why).
QUEUES = {
    "southbound": ("threads", 16),
    "status": ("solo", 1),
    "dispatch": ("threads", 4),
    "core": ("threads", 4),
    "push": ("threads", 16),
}


def workers() -> list[Process]:
    """Return one Celery worker per queue and the beat."""
    celery = ("-m", "celery", "-A", "derms.config")
    found = [
        Process(
            queue,
            _python(
                *celery, "worker", "--queues", queue, "--pool", pool, "--concurrency", str(threads),
                "--hostname", f"{queue}@%h", "--without-gossip", "--without-mingle",
                "--without-heartbeat", "--loglevel", "warning",
            ),
            3,
            says_ready=True,
        )
        for queue, (pool, threads) in QUEUES.items()
    ]  # fmt: skip
    beat = _python(*celery, "beat", "--pidfile=", "--loglevel", "warning")
    return [*found, Process("beat", beat, 4, says_ready=True)]
