"""What must hold before the system starts; every refusal is one clear sentence."""

import errno
import os
import shutil
import socket
from pathlib import Path

_MIN_FREE_BYTES = 300 * 2**20


class PreflightError(RuntimeError):
    """The system cannot start; the message is one clear sentence."""


def prepare_folder(folder: Path) -> None:
    """Make the data folder and see that it can hold data.

    Raises:
        PreflightError: not writable, or the disk is full.
    """
    try:
        (folder / "log").mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_bytes(b"x" * 4096)
        probe.unlink()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PreflightError(f"The disk of {folder} is full: free some space first.") from error
        raise PreflightError(f"{folder} cannot be written: {error.strerror}.") from error
    free = shutil.disk_usage(folder).free
    if free < _MIN_FREE_BYTES:
        raise PreflightError(
            f"The disk of {folder} has only {free // 2**20} MB left; "
            f"DERMS needs {_MIN_FREE_BYTES // 2**20} MB to start."
        )


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def internal_port(preferred: int, count: int = 1) -> int:
    """Return the first of `count` free ports in a row, at or next above the preferred one.

    Raises:
        PreflightError: there are none.
    """
    for first in range(preferred, 60000 - count, count):
        if all(is_free(port) for port in range(first, first + count)):
            return first
    raise PreflightError(f"No {count} free TCP ports in a row above {preferred}.")


def require_web_port(port: int, host: str) -> None:
    """See that the page's port is ours to take.

    Raises:
        PreflightError: something else listens there, or it may not be bound.
    """
    if not is_free(port, host):
        raise PreflightError(
            f"Port {port} is taken by another program: stop it, or choose another port with "
            f"DERMS_PORT={port + 1000}."
        )


def _runs_postgres(pid: int, data: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(data) in command


def drop_stale_postgres_lock(data: Path) -> None:
    """Remove postmaster.pid when its process is gone, a zombie, or something else by now.

    PostgreSQL itself only asks whether the process number exists, and would refuse for ever; a
    file that a full disk left empty it refuses too.
    """
    lock = data / "postmaster.pid"
    try:
        pid = int(lock.read_text().split("\n", 1)[0])
    except FileNotFoundError:
        return
    except ValueError:
        pid = 0
    if not _runs_postgres(pid, data):
        lock.unlink(missing_ok=True)
