"""Questions for MeterReadings: usage of devices and groups by quarter-hours, or the latest values.

The time asked for is that of a Reading or TimeSchedule of the query, or else StartTime and EndTime
of the Request; without any, the latest values are told. A group is told as a virtual meter: the
sum over its members, with a word in each quality on how many of them were measured.
Source: IEC 61968-9 GetMeterReadings and MeterReadings profiles; sections 1 and 4 of
docs/standards/61968-9.md.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from lxml import etree

from derms.accounts.scopes import visible_organisations
from derms.cim.envelope import ObjectId, Outcome, ReplyError, error_of
from derms.cim.exchange import carry_out
from derms.cim.parts import (
    CimName,
    Identified,
    namespace_of,
    read_identified,
    read_instant,
    text_of,
)
from derms.cim.registry import Call
from derms.core import clock
from derms.core.actors import Actor
from derms.core.errors import (
    DermsError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    RuleViolationError,
    TooLargeError,
)
from derms.core.quantities import Quality, Quantity
from derms.devices import selectors as devices
from derms.devices.cim.rendering import (
    Shown,
    in_type,
    render_meter,
    render_meter_reading,
    render_meter_readings,
)
from derms.devices.rules.reading_types import (
    CALCULATED,
    INTERVAL_S,
    OF_INSTANTS,
    OF_INTERVALS,
    QUALITY_CODES,
    ReadingType,
    read_reading_type,
)
from derms.devices.rules.readings import Int64, microseconds
from derms.devices.selectors.usage import interval_means, latest_values
from groups import selectors
from groups.cim.queries import key_of
from groups.reach import out_of_reach
from groups.usage import group_usage

MAX_READINGS = 100_000
"""Readings in one reply."""
MAX_DEVICES = 10_000
"""Devices in one question."""
_NOUN = "MeterReadings"
_INTERVAL_US = INTERVAL_S * 1_000_000
_POWERS = (Quantity.ACTIVE_POWER_W, Quantity.REACTIVE_POWER_VAR)


@dataclass(frozen=True, slots=True)
class Range:
    """Quarter-hours that start in `[start, end)`; both aware."""

    start: dt.datetime
    end: dt.datetime

    @property
    def intervals(self) -> int:
        """How many there are at most."""
        return max(0, -(-int((self.end - self.start).total_seconds()) // INTERVAL_S))


def handle_query(call: Call) -> Outcome:
    """Answer with the readings of the devices and groups asked for, in the order of the query.

    Raises:
        InvalidInputError: neither a device nor a group is named (1.6).
        RuleViolationError: a time that is none (6.1).
        TooLargeError: more readings than one reply may have (3.1).
    """
    span = _range(call)
    types, errors = _types(call.content, span)
    items = list(_items(call.content, "EndDevice", "EndDevice"))
    groups = list(_items(call.content, "EndDeviceGroup", "DERGroup"))
    if not items and not groups:
        raise InvalidInputError("Name an EndDevice or an EndDeviceGroup", cim_code="1.6")
    if len(items) > MAX_DEVICES:
        raise TooLargeError(f"Ask for at most {MAX_DEVICES} devices at once")
    if not types:
        return Outcome(errors)
    ids, unknown = _devices(items, call.actor)
    found, missing = carry_out(groups, lambda item: _groups(item, call.actor))
    rows = [group for each in found for group in each]
    if (len(ids) + len(rows)) * len(types) * (span.intervals if span else 1) > MAX_READINGS:
        raise TooLargeError(f"A reply has at most {MAX_READINGS} readings; ask for less at once")
    told = [*_of_devices(ids, types, span), *(_of_group(row, types, span) for row in rows)]
    return Outcome((*errors, *unknown, *missing), render_meter_readings(told), len(told))


def render_usage(groups: Sequence[selectors.Group], start: dt.datetime, end: dt.datetime) -> str:
    """Return the `MeterReadings` payload that tells the usage of groups by quarter-hours.

    Args:
        groups: With their names.
        start: Quarter-hours that start from then on.
        end: Behind the last start.

    Raises:
        TooLargeError: more values than may be added up at once (3.1).
    """
    span = Range(start, end)
    return render_meter_readings([_of_group(group, OF_INTERVALS, span) for group in groups])


def _items(content: etree._Element, name: str, object_type: str) -> Iterator[Identified]:
    for element in content.iterfind(f"{namespace_of(content)}{name}"):
        yield read_identified(element, object_type)


def _range(call: Call) -> Range | None:
    """Return the time asked for; None for the latest values.

    Raises:
        RuleViolationError: several, no start, or an end that is not behind it (6.1).
    """
    content, ns = call.content, namespace_of(call.content)
    spans = content.findall(f"{ns}Reading/{ns}timePeriod")
    spans += content.findall(f"{ns}TimeSchedule/{ns}scheduleInterval")
    if len(spans) > 1:
        raise RuleViolationError("Ask for one time at once", code="bad_range")
    first = last = ""
    if spans:
        first, last = text_of(spans[0], "start"), text_of(spans[0], "end")
    else:
        first, last = text_of(call.part, "StartTime"), text_of(call.part, "EndTime")
    if not first and not last:
        return None
    if not first:
        raise RuleViolationError("The time asked for has no start", code="bad_range")
    start = read_instant(first, "start")
    end = read_instant(last, "end") if last else clock.now()
    if end <= start:
        raise RuleViolationError("The end is not behind the start", code="bad_range")
    return Range(start, end)


def _types(
    content: etree._Element, span: Range | None
) -> tuple[list[ReadingType], tuple[ReplyError, ...]]:
    """Return the reading types asked for, and why the others are not told."""
    asked = list(_items(content, "ReadingType", "ReadingType"))
    if not asked:
        return list(OF_INTERVALS if span else OF_INSTANTS), ()
    types, errors = [], []
    for item in asked:
        code = item.mrid or (item.names[0].name if item.names else "")
        try:
            types.append(_told_type(code, span))
        except InvalidInputError as error:
            errors.append(error_of(error, ObjectId(code[:120], "name", "ReadingType")))
    return types, tuple(errors)


def _told_type(code: str, span: Range | None) -> ReadingType:
    kind = read_reading_type(code)
    if kind.period_s != (INTERVAL_S if span else 0):
        wanted = "of 15 minutes" if span else "without a period, or ask for a time"
        raise InvalidInputError(f"{code} is not told; use a type {wanted}", cim_code="2.10")
    return kind


def _devices(items: Sequence[Identified], actor: Actor) -> tuple[list[int], tuple[ReplyError, ...]]:
    """Return the keys of the devices asked for, each once, and an error for each of the others."""
    visible = visible_organisations(actor)
    by_mrid = devices.find_ids([item.mrid for item in items], visible=visible)
    named = [item.names[0].name if item.names and not item.mrid else "" for item in items]
    by_name = devices.find_ids_by_name(named, visible=visible)
    found = np.where(by_mrid > 0, by_mrid, by_name).tolist()
    keys = list(dict.fromkeys(key for key in found if key > 0))
    barred = out_of_reach(np.array(keys, dtype="int32"), actor=actor, noun=_NOUN, verb="get")
    beyond = set(barred.tolist())
    errors = tuple(
        error_of(_why_not(key, actor), item.about)
        for item, key in zip(items, found, strict=True)
        if key <= 0 or key in beyond
    )
    return [key for key in keys if key not in beyond], errors


def _why_not(key: int, actor: Actor) -> DermsError:
    if key <= 0:
        return NotFoundError("There is no such device", cim_code="2.4")
    return ForbiddenError(f"{actor.name} may not get {_NOUN} of this EndDevice", code="not_granted")


def _groups(item: Identified, actor: Actor) -> list[selectors.Group]:
    """Return the group named, or all of them for one that names nothing."""
    if item.about is None:
        return list(selectors.list_groups(actor=actor, noun=_NOUN))
    return [selectors.get_group(key=key_of(item), actor=actor, noun=_NOUN)]


def _of_devices(
    ids: Sequence[int], types: Sequence[ReadingType], span: Range | None
) -> Iterator[str]:
    if not ids:
        return
    columns = devices.device_columns(np.array(ids, dtype="int32"))
    told = _means(columns.id, types, span) if span else _latest(columns.id, types)
    for key, mrid, name in zip(columns.id.tolist(), columns.mrid, columns.name, strict=True):
        yield render_meter_reading(render_meter(mrid, [CimName(name)]), told.get(key, []))


def _means(ids: np.ndarray, types: Sequence[ReadingType], span: Range) -> dict[int, list[Shown]]:
    told: dict[int, list[Shown]] = {}
    for kind in types:
        found = interval_means(ids, quantity=kind.quantity, start=span.start, end=span.end)
        value, at = in_type(kind, found.mean), found.start_at + _INTERVAL_US
        keys, first = np.unique(found.device_id, return_index=True)
        for key, rows in zip(keys.tolist(), np.split(np.arange(len(at)), first[1:]), strict=False):
            plain = _plain(len(rows), CALCULATED)
            told.setdefault(key, []).append(Shown(kind, at[rows], value[rows], *plain))
    return told


def _plain(count: int, quality: str) -> tuple[list[str], list[str]]:
    return [quality] * count, [""] * count


def _latest(ids: np.ndarray, types: Sequence[ReadingType]) -> dict[int, list[Shown]]:
    told: dict[int, list[Shown]] = {}
    found = latest_values(ids)
    for kind in types:
        rows = np.flatnonzero(found.quantity == kind.quantity)
        value = in_type(kind, found.value[rows])
        for nth, row in enumerate(rows.tolist()):
            quality, stale = Quality(int(found.quality[row])), bool(found.stale[row])
            worst = max(quality, Quality.QUESTIONABLE) if stale else quality
            shown = Shown(
                kind,
                found.measured_at[row : row + 1],
                value[nth : nth + 1],
                [QUALITY_CODES[worst]],
                ["stale" if stale else ""],
            )
            told.setdefault(int(found.device_id[row]), []).append(shown)
    return told


def _of_group(group: selectors.Group, types: Sequence[ReadingType], span: Range | None) -> str:
    """Return a group as a virtual meter; types that cannot be added up are left out."""
    powers = [kind for kind in types if kind.quantity in _POWERS]
    shown = _sums(group, powers, span) if span else _status(group, powers)
    meter = render_meter(group.mrid, [CimName(group.name, "EndDeviceGroup")])
    return render_meter_reading(meter, shown)


def _sums(group: selectors.Group, types: Sequence[ReadingType], span: Range) -> list[Shown]:
    shown = []
    usage = {
        quantity: group_usage(group.pk, quantity=quantity, start=span.start, end=span.end)
        for quantity in {kind.quantity for kind in types}
    }
    for kind in types:
        sums, members = usage[kind.quantity].sums, usage[kind.quantity].members
        # Of one direction: what its members used, not what their sum comes to.
        part = sums.injected if kind.factor > 0 else sums.absorbed
        value = in_type(kind, part if kind.one_way else sums.injected + sums.absorbed)
        words = _coverage(sums.measured, members)
        shown.append(Shown(kind, sums.start_at + _INTERVAL_US, value, *words))
    return shown


def _coverage(measured: Int64, members: Int64) -> tuple[list[str], list[str]]:
    """Return the quality of sums, and in words how many members they are of."""
    whole = (measured >= members).tolist()
    words = [
        f"{n} of {of} members" for n, of in zip(measured.tolist(), members.tolist(), strict=True)
    ]
    incomplete = QUALITY_CODES[Quality.QUESTIONABLE]
    return [CALCULATED if each else incomplete for each in whole], words


def _status(group: selectors.Group, types: Sequence[ReadingType]) -> list[Shown]:
    status = selectors.find_status(group)
    if status is None or not status.good:
        return []
    values = {
        Quantity.ACTIVE_POWER_W: status.active_power_w,
        Quantity.REACTIVE_POWER_VAR: status.reactive_power_var,
    }
    words = _coverage(np.array([status.good]), np.array([status.members]))
    at = np.array([microseconds(status.at)], dtype="int64")
    return [
        Shown(kind, at, in_type(kind, np.array([values[kind.quantity]])), *words) for kind in types
    ]
