"""Compare the journal with what the devices themselves put on record.

Every command of a kill test carries its revision in its value, so each line of the devices' log
names the journal row it came from.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOWEST_W = -2500
SLACK_S = 0.05
SENT_NEVER = {"queued", "expired", "rejected"}


@dataclass(frozen=True)
class Row:
    """One row of the journal."""

    device: str
    revision: int
    state: str
    code: str
    detail: str
    settled_at_s: float | None


@dataclass(frozen=True)
class Write:
    """One acknowledged write, as the device recorded it."""

    device: str
    revision: int
    at_s: float


def value_of(revision: int) -> float:
    return float(LOWEST_W + revision)


def read_writes(log: Path) -> list[Write]:
    lines: Iterable[dict[str, Any]] = (json.loads(x) for x in log.read_text().splitlines() if x)
    return [
        Write(line["device"], round(line["decoded"]["704.WSet"]) - LOWEST_W, line["at"])
        for line in lines
        if "704.WSet" in line["decoded"] and line["effect"] == "applied"
    ]


def violations(
    rows: Sequence[Row],
    writes: Sequence[Write],
    *,
    promised: dict[int, int],
    reboots: Sequence[float],
) -> list[str]:
    """Return every broken promise, in words.

    Args:
        rows: The whole journal.
        writes: The devices' log in order.
        promised: Revision -> number of commands `queue_commands` said it had queued.
        reboots: Times at which the simulated devices were killed and lost their set points.
    """
    by_key: dict[tuple[str, int], list[Write]] = defaultdict(list)
    for write in writes:
        by_key[write.device, write.revision].append(write)
    found = _duplicates(by_key) + _overtaken(writes) + _unwritten(rows, promised)
    journal = {(row.device, row.revision) for row in rows}
    found += [f"{key} was applied but never journaled" for key in by_key if key not in journal]
    for row in rows:
        found += _disagreement(row, by_key.get((row.device, row.revision), []), reboots)
    return found


def _duplicates(by_key: dict[tuple[str, int], list[Write]]) -> list[str]:
    return [f"{key} was applied {len(w)} times" for key, w in by_key.items() if len(w) > 1]


def _overtaken(writes: Sequence[Write]) -> list[str]:
    found, last = [], dict[str, int]()
    for write in writes:
        if write.revision <= last.get(write.device, -1):
            found.append(f"{write.device}: r{write.revision} came after r{last[write.device]}")
        last[write.device] = write.revision
    return found


def _unwritten(rows: Sequence[Row], promised: dict[int, int]) -> list[str]:
    count: dict[int, int] = defaultdict(int)
    for row in rows:
        count[row.revision] += 1
    return [
        f"revision {revision}: {n} commands promised, {count[revision]} in the journal"
        for revision, n in promised.items()
        if count[revision] != n
    ]


def _disagreement(row: Row, applied: list[Write], reboots: Sequence[float]) -> list[str]:
    name = f"{row.device} r{row.revision} {row.state} ({row.code}: {row.detail})"
    if row.state in {"leased", "unknown", "delivered", "acknowledged"}:
        return [f"{name} was never settled"]
    if row.state in {"active", "completed"} and not applied:
        return [f"{name} was never applied"]
    if row.state in SENT_NEVER and applied:
        return [f"{name} was applied all the same"]
    if row.state == "failed" and applied and row.settled_at_s is not None:
        write = applied[0]
        rebooted = any(write.at_s - 1 <= at <= row.settled_at_s for at in reboots)
        if write.at_s > row.settled_at_s + SLACK_S:
            return [f"{name} was applied after it had been given up"]
        if not rebooted:
            return [f"{name} was given up although the device held it"]
    return []
