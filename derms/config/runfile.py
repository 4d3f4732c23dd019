"""What a running system leaves under `var/` for others: its lock and its addresses.

Written by the supervisor; read by the settings (where the embedded servers listen), by the demo
and by the tests. Knows no Django, because it runs before settings exist.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]


class AlreadyRunningError(RuntimeError):
    """Another supervisor holds the lock; the message is one clear sentence."""


def var_dir() -> Path:
    """Return the folder of the data: DERMS_VAR_DIR, else `var/` beside manage.py."""
    return Path(os.environ.get("DERMS_VAR_DIR", ROOT / "var"))


def write_private(path: Path, value: Any) -> None:
    """Write JSON that only the owner may read, whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(value, file, indent=2)
    draft.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`; an empty one when there is none to be read."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return value


def read_state() -> dict[str, Any]:
    """Return what the last supervisor wrote: addresses, ports, process ids; empty if none."""
    return read_json(var_dir() / "run.json")


def read_running() -> dict[str, Any] | None:
    """Return the state of the system that runs now, ready to be used, else None."""
    state = read_state()
    try:
        lock_file(var_dir()).close()
    except AlreadyRunningError:
        return state if state.get("ready") else None
    except FileNotFoundError:
        return None
    return None


def lock_file(folder: Path) -> IO[str]:
    """Take the lock of `folder`; it ends with the process that holds it, however it ends.

    Raises:
        AlreadyRunningError: another process holds it.
    """
    file = (folder / "up.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        state = read_json(folder / "run.json")
        where = f" at {state['address']}" if state.get("address") else ""
        pid = f" (process {state['pid']})" if state.get("pid") else ""
        raise AlreadyRunningError(
            f"DERMS already runs here{where}{pid}: stop that one first, "
            "or give this one its own DERMS_VAR_DIR and DERMS_PORT."
        ) from error
    return file
