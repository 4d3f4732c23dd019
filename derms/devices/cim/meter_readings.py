"""MeterReadings that come in: bulk telemetry of a head-end, each reading stored or refused.

A repeated message has no second effect by its MessageID, and a repeated reading none by its key.
Source: IEC 61968-9 MeterReadings profile; sections 1, 2 and 3 of docs/standards/61968-9.md; ADR
0051.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from lxml import etree

from derms.accounts.scopes import visible_organisations
from derms.cim.envelope import ObjectId, Outcome, ReplyError
from derms.cim.parts import Identified, namespace_of, read_identified
from derms.cim.registry import Call
from derms.core.actors import Actor
from derms.core.errors import InvalidInputError
from derms.devices import selectors, services
from derms.devices.choices import ReadingSource
from derms.devices.cim.reading_columns import NO_INSTANT, ReadingColumns, read_columns
from derms.devices.rules.metering import MeterRows, assemble
from derms.devices.rules.reading_types import ReadingType, read_reading_type
from derms.devices.rules.readings import Bool, Int32, Int64
from derms.devices.services import StoreResult

MAX_ERRORS = 100
"""Errors in one reply; one more says how many there are besides."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """Rows of one meter refused for one reason; `code` is the reply code."""

    code: str
    text: str
    about: ObjectId | None


def handle_created(call: Call) -> Outcome:
    """Store the readings of a message; what is refused is one Error per reason and meter.

    Raises:
        TooLargeError: too many readings in one message (3.1).
    """
    columns = read_columns(call.content)
    meters = call.content.findall(f"{namespace_of(call.content)}MeterReading")
    types, refused_types = _types(columns.codes)
    device_id = _devices(meters, call.actor)[columns.meter]
    readable = np.array([t is not None for t in types], dtype=bool)[columns.kind]
    timed = columns.at != NO_INSTANT
    good = readable & timed & (device_id > 0)

    problems: Counter[_Problem] = Counter()
    unread = np.bincount(columns.kind[~readable], minlength=len(types)).tolist()
    for problem, count in zip(refused_types, unread, strict=True):
        if problem is not None:
            problems[problem] += count
    unknown = _Reason("2.4", "There is no such meter")
    _note(problems, unknown, readable & (device_id <= 0), columns, meters)
    untimed = _Reason("6.1", "The reading has no usable instant")
    _note(problems, untimed, readable & (device_id > 0) & ~timed, columns, meters)

    result, origin = _store(columns, types, device_id, np.flatnonzero(good), call.actor)
    for refusal in result.refused:
        rows = np.zeros(len(columns), dtype=bool)
        rows[origin[refusal.rows]] = True
        _note(problems, _Reason("6.1", refusal.message.rstrip(".")), rows, columns, meters)
    return Outcome(_errors(problems), done=result.stored + result.repeated)


@dataclass(frozen=True, slots=True)
class _Reason:
    code: str
    text: str


def _meter(reading: etree._Element) -> Identified:
    """Return the meter of a MeterReading; one that names none is unknown like any other."""
    meter = reading.find(f"{namespace_of(reading)}Meter")
    return read_identified(reading if meter is None else meter, "Meter")


def _types(
    codes: Sequence[str],
) -> tuple[list[ReadingType | None], list[_Problem | None]]:
    """Return each reading type or why it is not taken."""
    types: list[ReadingType | None] = []
    problems: list[_Problem | None] = []
    for code in codes:
        try:
            types.append(read_reading_type(code))
            problems.append(None)
        except InvalidInputError as error:
            types.append(None)
            about = ObjectId(code[:120], "name", "ReadingType")
            problems.append(_Problem(error.cim_code, error.message, about))
    return types, problems


def _devices(meters: Sequence[etree._Element], actor: Actor) -> Int32:
    """Return the device of each MeterReading [n], -1 where there is none the actor may see.

    By mRID, else by the first name: meters are the further names of devices.
    """
    if not meters:
        return np.zeros(0, dtype="int32")
    visible = visible_organisations(actor)
    ns = namespace_of(meters[0])
    # The mRID alone for all, in the quickest way; the rest only of those it does not find.
    mrids = [reading.findtext(f"{ns}Meter/{ns}mRID", "").strip() for reading in meters]
    found = selectors.find_ids(mrids, visible=visible)
    unknown = np.flatnonzero(found < 0)
    others = [_meter(meters[i]) for i in unknown.tolist()]
    names = [meter.names[0].name if meter.names else "" for meter in others]
    found[unknown] = selectors.find_ids_by_name(names, visible=visible)
    return found


def _store(
    columns: ReadingColumns,
    types: Sequence[ReadingType | None],
    device_id: Int32,
    rows: Int64,
    actor: Actor,
) -> tuple[StoreResult, Int64]:
    """Store the rows given; return the result and the row of the message behind each batch row."""
    usable = [t for t in types if t is not None]
    place = np.cumsum([t is not None for t in types], dtype="int32") - 1
    meter_rows = MeterRows(
        device_id=device_id[rows],
        kind=place[columns.kind[rows]],
        at=columns.at[rows],
        value=columns.value[rows],
        quality=columns.quality[rows],
    )
    batch, origin = assemble(meter_rows, usable, ReadingSource.METER)
    return services.store_readings(batch, actor=actor), rows[origin]


def _note(
    problems: Counter[_Problem],
    reason: _Reason,
    rows: Bool,
    columns: ReadingColumns,
    meters: Sequence[etree._Element],
) -> None:
    """Count the rows of each meter under one reason."""
    if not rows.any():
        return
    counts = np.bincount(columns.meter[rows], minlength=len(meters))
    for i in np.flatnonzero(counts).tolist():
        problems[_Problem(reason.code, reason.text, _meter(meters[i]).about)] += int(counts[i])


def _errors(problems: Counter[_Problem]) -> tuple[ReplyError, ...]:
    """Return one Error per problem, and one more that counts what is beyond MAX_ERRORS."""
    shown = [
        ReplyError(problem.code, f"{problem.text}: {_readings(count)} refused", problem.about)
        for problem, count in list(problems.items())[:MAX_ERRORS]
    ]
    left = list(problems.values())[MAX_ERRORS:]
    if left:
        text = f"{len(left)} more errors about {_readings(sum(left))}"
        shown.append(ReplyError("5.4", text))
    return tuple(shown)


def _readings(count: int) -> str:
    return "1 reading" if count == 1 else f"{count} readings"
