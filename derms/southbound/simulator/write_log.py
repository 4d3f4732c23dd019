"""The devices' own record of every write they acknowledged: the oracle of the chaos tests.

For `server.py`. One JSON line a write, handed to the kernel before the device answers, so
that no process killed with -9, not even the simulator, loses a line that was acknowledged.
"""

import json
import os
import time
from pathlib import Path


class WriteLog:
    """Append-only JSON lines, numbered from 1 in this run."""

    def __init__(self, path: Path | None) -> None:
        """Open the file for appending; None keeps only the count."""
        self.count = 0
        self._fd = -1
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.count = _last_number(path)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def record(
        self, *, device: str, unit: int, address: int, raw: bytes, decoded: dict[str, float],
        effect: str,
    ) -> None:  # fmt: skip
        """Write one line.

        Args:
            device: name.
            unit: Modbus unit.
            address: first register, as on the wire.
            raw: register values, big-endian.
            decoded: `model.name` -> value in SI units.
            effect: `applied`, or `ignored` when a fault swallowed it.
        """
        self.count += 1
        if self._fd < 0:
            return
        line = {
            "n": self.count,
            "at": round(time.time(), 6),
            "device": device,
            "unit": unit,
            "address": address,
            "registers": [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)],
            "decoded": {key: round(value, 6) for key, value in decoded.items()},
            "effect": effect,
        }
        os.write(self._fd, (json.dumps(line, separators=(",", ":")) + "\n").encode())

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.fsync(self._fd)
            os.close(self._fd)
            self._fd = -1


def _last_number(path: Path) -> int:
    """Number of the last whole line, so that a restart goes on counting."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8192))
        lines = file.read().splitlines()
    for line in reversed(lines):
        try:
            return int(json.loads(line)["n"])
        except (ValueError, KeyError):
            continue
    return 0
