"""Keep the state of every link, and raise or clear the alarms that follow from it.

For polling. The state lives in the table, not in the process, so any worker may poll any shard.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import transaction

from derms.alarms import services as alarms
from derms.alarms.choices import Priority
from derms.core import bulk, clock
from derms.core.errors import DriverError
from derms.devices.selectors.wires import PollTarget
from derms.southbound.choices import LinkState
from derms.southbound.contract import Measurement, OperatingState
from derms.southbound.gateway import NOT_BEGUN
from derms.southbound.rules import links as rules

_REFRESH = dt.timedelta(seconds=60)
# A link that stays as it is is written again so often, for its time of last contact.
COMMS_LOST = "comms_lost"
DEVICE_FAULT = "device_fault"
_STATES = [LinkState.UNKNOWN, LinkState.UP, LinkState.DEGRADED, LinkState.DOWN]

_READ = """
SELECT device_id, state, consecutive_failures, fault,
    changed_at IS NULL OR greatest(last_ok_at, last_failure_at) < now() - %(refresh)s::interval
FROM southbound_devicelink WHERE device_id = ANY(%(ids)s::int4[])
"""
_WRITE = """
INSERT INTO southbound_devicelink AS old (device_id, state, consecutive_failures, fault, last_error,
    round_trip_ms, last_ok_at, last_failure_at, changed_at)
SELECT device_id, state, failures, fault, error, round_trip_ms,
    CASE WHEN failures = 0 THEN %(now)s::timestamptz END,
    CASE WHEN failures > 0 THEN %(now)s::timestamptz END, %(now)s
FROM unnest(%(ids)s::int4[], %(states)s::text[], %(failures)s::int4[], %(faults)s::bool[],
    %(errors)s::text[], %(trips)s::float8[])
    AS new(device_id, state, failures, fault, error, round_trip_ms)
ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET
    state = excluded.state, consecutive_failures = excluded.consecutive_failures,
    fault = excluded.fault, last_error = excluded.last_error,
    round_trip_ms = coalesce(excluded.round_trip_ms, old.round_trip_ms),
    last_ok_at = coalesce(excluded.last_ok_at, old.last_ok_at),
    last_failure_at = coalesce(excluded.last_failure_at, old.last_failure_at),
    changed_at = CASE WHEN old.state = excluded.state THEN old.changed_at
                 ELSE excluded.changed_at END
"""

Answer = Measurement | DriverError


@dataclass(frozen=True, slots=True)
class _Before:
    """Links as they were: state, failures, fault [n], and rows due for a refresh [n]."""

    state: Any
    failures: Any
    fault: Any
    due: Any


def record_poll(targets: Sequence[PollTarget], answers: Sequence[Answer]) -> None:
    """Update the links after a poll.

    Args:
        targets: Devices polled [n].
        answers: What each answered [n].
    """
    # A device whose turn never came has not been silent; that is an overrun, and reported as one.
    asked = [(t, a) for t, a in zip(targets, answers, strict=True) if _error_code(a) != NOT_BEGUN]
    if not asked:
        return
    targets, answers = zip(*asked, strict=True)
    answered = np.array([isinstance(answer, Measurement) for answer in answers])
    before = _read([target.id for target in targets])
    change = rules.next_links(state=before.state, failures=before.failures, answered=answered)
    fault = np.where(answered, [_in_fault(answer) for answer in answers], before.fault)
    write = (
        change.changed
        | (fault != before.fault)
        | ((change.failures != before.failures) & (change.failures <= rules.LOST_AFTER))
        | before.due
    )
    with transaction.atomic():
        _write(targets, answers, change, fault, np.flatnonzero(write).tolist())
        _raise_and_clear(targets, answers, change, fault, before.fault)


def _in_fault(answer: Answer) -> bool:
    return isinstance(answer, Measurement) and answer.operating is OperatingState.FAULT


def _read(ids: list[int]) -> _Before:
    n = len(ids)
    before = _Before(
        state=np.zeros(n, dtype="int8"),
        failures=np.zeros(n, dtype="int32"),
        fault=np.zeros(n, dtype=bool),
        due=np.ones(n, dtype=bool),
    )
    place = {key: i for i, key in enumerate(ids)}
    rows = bulk.execute(_READ, {"ids": ids, "refresh": _REFRESH}).fetchall()
    for key, state, failures, fault, due in rows:
        i = place[key]
        before.state[i] = _STATES.index(state)
        before.failures[i], before.fault[i], before.due[i] = failures, fault, due
    return before


def _write(
    targets: Sequence[PollTarget],
    answers: Sequence[Answer],
    change: rules.LinkChange,
    fault: Any,
    rows: list[int],
) -> None:
    if not rows:
        return
    bulk.execute(
        _WRITE,
        {
            "now": clock.now(),
            "ids": [targets[i].id for i in rows],
            "states": [_STATES[change.state[i]].value for i in rows],
            "failures": [int(change.failures[i]) for i in rows],
            "faults": [bool(fault[i]) for i in rows],
            "errors": [_error(answers[i]) for i in rows],
            "trips": [getattr(answers[i], "round_trip_ms", None) for i in rows],
        },
    )


def _error_code(answer: Answer) -> str:
    return answer.code if isinstance(answer, DriverError) else ""


def _error(answer: Answer) -> str:
    return answer.message[:200] if isinstance(answer, DriverError) else ""


def _raise_and_clear(
    targets: Sequence[PollTarget],
    answers: Sequence[Answer],
    change: rules.LinkChange,
    fault: Any,
    fault_before: Any,
) -> None:
    def sources(rows: Any) -> list[tuple[str, str]]:
        return [(targets[i].mrid, targets[i].name) for i in np.flatnonzero(rows).tolist()]

    common: Mapping[str, Any] = {"source_type": "EndDevice"}
    if change.lost.any():
        alarms.raise_many(
            kind=COMMS_LOST,
            priority=Priority.MEDIUM,
            sources=sources(change.lost),
            conditions=[
                f"Does not answer: {_error(answers[i])}"
                for i in np.flatnonzero(change.lost).tolist()
            ],
            response="Check power and communication of the device; its share goes to others.",
            **common,
        )
    if change.back.any():
        alarms.clear_many(
            kind=COMMS_LOST, source_mrids=[m for m, _ in sources(change.back)], **common
        )
    if (risen := fault & ~fault_before).any():
        alarms.raise_many(
            kind=DEVICE_FAULT,
            priority=Priority.MEDIUM,
            sources=sources(risen),
            conditions="The device reports a fault.",
            response="Look at its alarm bits on the device page; send a technician if it stays.",
            **common,
        )
    if (gone := fault_before & ~fault).any():
        alarms.clear_many(kind=DEVICE_FAULT, source_mrids=[m for m, _ in sources(gone)], **common)
