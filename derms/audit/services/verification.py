"""Check the whole chain, and write its head where the database's owner cannot rewrite it.

The chain finds edits, holes and reordering; the head row finds a cut tail; the anchor file, one
line an hour and meant to be shipped off the machine, finds a table cut together with its head, or
a chain rewritten from some point on with fresh hashes.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from derms.audit import selectors
from derms.audit.rules.chain import Fault, FaultKind, Walk
from derms.core import clock

_MOST_FAULTS = 1000
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of the chain as it was written to the anchor file."""

    seq: int
    hash: str


@dataclass(slots=True)
class VerifyReport:
    """What a verification found.

    Attributes:
        records: Sealed records walked.
        anchors: Anchors compared.
        seconds: How long it took [s].
        faults: Everything wrong, in the order met; at most 1,000.
    """

    records: int = 0
    anchors: int = 0
    seconds: float = 0.0
    faults: list[Fault] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """True when nothing is wrong."""
        return not self.faults


def anchor_path() -> Path:
    """Return the anchor file: one JSON object a line, only ever appended to."""
    return Path(settings.VAR_DIR) / "audit" / "anchors.jsonl"


def anchor() -> Anchor | None:
    """Append the present head to the anchor file; None when nothing is new since the last one."""
    seq, digest = selectors.get_head()
    last = max(_anchors(anchor_path()), key=lambda one: one.seq, default=Anchor(0, ""))
    if (seq, digest) == (last.seq, last.hash) or seq == 0:
        return None
    path = anchor_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"at": clock.now().isoformat(), "seq": seq, "hash": digest})
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
    return Anchor(seq, digest)


def verify() -> VerifyReport:
    """Walk the whole chain against its head row and the anchors, on one snapshot."""
    started = time.perf_counter()
    report = VerifyReport()
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            _take_one_snapshot()
        for fault in _faults(report):
            if len(report.faults) >= _MOST_FAULTS:
                break
            report.faults.append(fault)
    report.seconds = time.perf_counter() - started
    if report.faults:
        _log.critical("audit chain broken: %s", report.faults[0])
    return report


def _take_one_snapshot() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _faults(report: VerifyReport) -> Iterator[Fault]:
    anchors = {one.seq: one.hash for one in _anchors(anchor_path())}
    report.anchors = len(anchors)
    walk = Walk()
    for batch in selectors.stream_chain():
        report.records += len(batch)
        yield from walk.follow(batch)
        for link in batch if anchors else ():
            if anchors.get(link.seq, link.hash) != link.hash:
                yield Fault(FaultKind.ANCHOR, link.seq, "differs from what was anchored")
    yield from _end_faults(walk, max(anchors, default=0))


def _end_faults(walk: Walk, anchored: int) -> Iterator[Fault]:
    seq, digest = selectors.get_head()
    if seq > walk.seq:
        yield Fault(FaultKind.TRUNCATED, walk.seq + 1, f"records {walk.seq + 1} to {seq}")
    elif (seq, digest) != (walk.seq, walk.hash):
        yield Fault(FaultKind.HEAD, seq, "the head row does not match the last record")
    if anchored > max(seq, walk.seq):
        yield Fault(FaultKind.TRUNCATED, walk.seq + 1, f"records up to {anchored} were anchored")
    unsealed = selectors.count_unsealed()
    if unsealed:
        yield Fault(FaultKind.UNSEALED, 0, f"{unsealed} records were never sealed")


def _anchors(path: Path) -> Iterator[Anchor]:
    if not path.exists():
        return
    with path.open() as file:
        for line in file:
            try:
                entry = json.loads(line)
                yield Anchor(int(entry["seq"]), str(entry["hash"]))
            except (ValueError, KeyError, TypeError):
                _log.warning("unreadable line in %s", path)
