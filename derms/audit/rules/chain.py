"""The hash chain itself, without a database: what a link is, and where a chain breaks.

hash(n) = sha256(hash(n-1) || payload(n)), hash(0) = "". The database computes the same in
`migrations/0002_chain.py`; this copy is what verification trusts.
Source: ours, after platform.md 7.4.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

GENESIS = ""


class FaultKind(StrEnum):
    """How a chain can be broken."""

    EDITED = "edited"
    MISSING = "missing"
    REORDERED = "reordered"
    UNSEALED = "unsealed"
    TRUNCATED = "truncated"
    HEAD = "head"
    COLUMNS = "columns"
    ANCHOR = "anchor"


class Link(NamedTuple):
    """One sealed record as stored; `head` is what the search columns say its first line is."""

    seq: int
    prev_hash: str
    hash: str
    payload: str
    head: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where the chain does not hold; `seq` is where it was seen."""

    kind: FaultKind
    seq: int
    detail: str


def link_hash(prev_hash: str, payload: str) -> str:
    """Return the hash of a record: hex SHA-256 of the previous hash and its own payload."""
    return hashlib.sha256((prev_hash + payload).encode()).hexdigest()


@dataclass(slots=True)
class Walk:
    """Where a walk along the chain has come to."""

    seq: int = 0
    hash: str = GENESIS

    def follow(self, links: Iterable[Link]) -> Iterator[Fault]:
        """Walk over links in order of seq and yield every fault met.

        After a fault the walk goes on from what is stored, so that one tampering is one fault
        and not one for each later record.
        """
        for link in links:
            if link.seq != self.seq + 1:
                yield Fault(
                    FaultKind.MISSING, self.seq + 1, f"records {self.seq + 1} to {link.seq - 1}"
                )
            elif link.prev_hash != self.hash:
                yield Fault(FaultKind.REORDERED, link.seq, "does not follow the record before it")
            if link.hash != link_hash(link.prev_hash, link.payload):
                yield Fault(FaultKind.EDITED, link.seq, "content does not match its hash")
            if not link.payload.startswith(link.head + "\n"):
                yield Fault(FaultKind.COLUMNS, link.seq, "columns differ from what was sealed")
            self.seq, self.hash = link.seq, link.hash
