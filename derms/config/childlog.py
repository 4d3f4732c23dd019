"""Log file of one child process: rotated by size, important lines shown on the console."""

import json
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

_MAX_BYTES = 5 * 2**20
_KEPT = 3
_SHOWN_PER_WINDOW = 5
_WINDOW_S = 10.0
_MARKS = ("ERROR", "FATAL", "PANIC", "CRITICAL", "# Fatal", "No space left")


class ChildLog:
    """Receives the output of one child line by line.

    Args:
        path: Log file; older ones get `.1`, `.2`, `.3`.
        show: Prints one line on the console.
    """

    def __init__(self, path: Path, show: Callable[[str], None]) -> None:
        self.path = path
        self.last_line = ""
        self._show = show
        self._shown: deque[float] = deque(maxlen=_SHOWN_PER_WINDOW)
        self._file = path.open("ab")
        self._size = path.stat().st_size

    def write(self, line: bytes) -> None:
        """Keep one line and show it when it is important."""
        if self._size > _MAX_BYTES:
            self._rotate()
        self._file.write(line)
        self._file.flush()
        self._size += len(line)
        text = line.decode(errors="replace").rstrip()
        if text:
            self.last_line = text
        notable = important(text)
        if notable and self._may_show():
            self._show(notable)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _may_show(self) -> bool:
        """Keep a crash loop from flooding the console; the file has everything."""
        now = time.monotonic()
        if len(self._shown) == _SHOWN_PER_WINDOW and now - self._shown[0] < _WINDOW_S:
            return False
        self._shown.append(now)
        return True

    def _rotate(self) -> None:
        self._file.close()
        for number in range(_KEPT, 0, -1):
            older = self.path.with_suffix(f".log.{number}")
            newer = self.path.with_suffix(f".log.{number - 1}") if number > 1 else self.path
            if newer.exists():
                newer.replace(older)
        self._file = self.path.open("ab")
        self._size = 0


def important(text: str) -> str:
    """Return what the console should show of a log line; empty for a line of routine."""
    if text.startswith("{"):
        try:
            event = json.loads(text)
        except json.JSONDecodeError:
            return ""
        if event.get("level") not in {"error", "critical"}:
            return ""
        cause = str(event.get("exception", "")).rstrip().rpartition("\n")[2]
        said = str(event.get("event", "")).partition("\n")[0]
        return " ".join(part for part in (said, cause) if part)
    return text if any(mark in text for mark in _MARKS) else ""
