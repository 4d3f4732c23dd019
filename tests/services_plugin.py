"""Starts real PostgreSQL and Valkey for the test run unless DATABASE_URL / REDIS_URL are set.

Loaded by `-p` before pytest-django reads the settings. Data live in a temporary folder with
fsync off (on with DERMS_TEST_DURABLE=1, for benchmarks), and end with the run.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from derms.config import embedded

_children: list[subprocess.Popen[bytes]] = []


def _start(name: str, command: list[str], port: int, folder: Path) -> None:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=embedded.server_environment()
        )
    _children.append(process)
    embedded.wait_for_port(port, timeout_s=20, process=process)


def _stop(folder: Path, owner: int) -> None:
    if os.getpid() != owner:
        return
    for process in _children:
        process.send_signal(3 if "postgres" in str(process.args) else 15)
    for process in _children:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def _begin() -> None:
    os.environ.setdefault("DERMS_ENV", "test")
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    folder = Path(tempfile.mkdtemp(prefix="derms-test-"))
    atexit.register(_stop, folder, os.getpid())
    if not os.environ.get("DATABASE_URL"):
        port = embedded.free_port()
        embedded.init_postgres(folder / "pg")
        durable = "on" if os.environ.get("DERMS_TEST_DURABLE") else "off"
        options = dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), durable)
        command = embedded.postgres_command(folder / "pg", port, options)
        _start("postgres", command, port, folder)
        os.environ["DATABASE_URL"] = f"postgresql://derms@127.0.0.1:{port}/postgres"
    if not os.environ.get("REDIS_URL"):
        port = embedded.free_port()
        _start("valkey", embedded.valkey_command(folder / "valkey", port), port, folder)
        os.environ["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
    os.environ.setdefault("DERMS_VAR_DIR", str(folder / "var"))
    (folder / "var" / "static").mkdir(parents=True)


_begin()
