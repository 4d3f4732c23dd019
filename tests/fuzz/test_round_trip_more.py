"""Round trips of what is asked and answered: queries, operation sets, told statuses, replies.

The nouns that tell something have theirs in `test_round_trip.py`, meter readings in
tests/cim/test_meter_readings_out.py. `test_nothing_is_left_out` counts them all.
"""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from derms.cim import operations, schema
from derms.cim.envelope import (
    Header,
    ObjectId,
    Outcome,
    ReplyError,
    read_header,
    render_operation_set,
    render_reply,
)
from derms.cim.operations import OPERATIONS
from derms.cim.parts import read_identified
from derms.cim.push.verdict import Kind, judge
from derms.cim.push.wire import Answered
from derms.cim.soap import wrap
from derms.core import clock
from forecasting.cim.der_group_forecasts import parse_parameters, parse_schedules
from forecasting.rules.schedule import Schedule
from groups import selectors
from groups.cim.der_group_statuses import render_statuses
from groups.cim.der_groups import parse_change, parse_members, render_identified
from groups.cim.meter_readings import Range, _range
from groups.cim.operation_sets import read_steps
from groups.cim.queries import key_of, read_groups
from groups.cim.received import parse_status
from groups.rules.definition import GroupChange, GroupData, GroupKey, MemberKeys, Name, Version
from groups.rules.told import ToldGroup, ToldValue
from tests.cim import messages
from tests.cim import meter_messages as meters
from tests.cim.reference import has_reference, reference_schema
from tests.fuzz import test_round_trip as told_nouns
from tests.fuzz.test_round_trip import (
    COMMON,
    UNITS,
    as_call,
    close,
    escaped,
    group_data,
    group_names,
    instants,
    maybe_watts,
    seconds,
    stored_group,
    valid,
    versions,
    words,
)


def checked(operation, message):
    """Return the content of a message that our schema and the reference take."""
    operation = operations.get(operation)
    root = etree.fromstring(message)
    assert schema.check(operation.messages, root) == ""
    if has_reference(operation.messages):
        reference_schema(operation.messages).assertValid(root)
    return root.find(f"{{*}}{operation.part}/{operation.content}")


# --- queries ------------------------------------------------------------------------------------
keys = st.builds(
    GroupKey,
    mrid=st.just("") | words,
    names=st.lists(group_names(), max_size=2).map(tuple),
)


def as_xml(name: Name) -> str:
    authority = (
        f"<NameTypeAuthority><name>{escaped(name.name_type_authority)}</name></NameTypeAuthority>"
    )
    kind = (
        f"<NameType><name>{escaped(name.name_type)}</name>"
        f"{authority if name.name_type_authority else ''}</NameType>"
    )
    return f"<Names><name>{escaped(name.name)}</name>{kind if name.name_type else ''}</Names>"


def pointing(key: GroupKey) -> str:
    mrid = f"<mRID>{escaped(key.mrid)}</mRID>" if key.mrid else ""
    return f"<EndDeviceGroup>{mrid}{''.join(map(as_xml, key.names))}</EndDeviceGroup>"


def keys_in(content):
    items = list(read_groups(as_call(content)))
    return [key_of(item) if item.about else GroupKey() for item in items]


@pytest.mark.parametrize(
    ("operation", "name", "noun"),
    [
        ("QueryDERGroups", "DERGroupQueries", "DERGroups"),
        ("QueryDERGroupStatuses", "DERGroupStatusQueries", "DERGroupStatuses"),
    ],
)
def test_queries(operation, name, noun):
    @settings(max_examples=COMMON, deadline=None)
    @given(asked=st.lists(keys, min_size=1, max_size=5))
    def holds(asked):
        message = messages.query(name, noun, *map(pointing, asked))
        assert keys_in(checked(operation, message)) == asked

    holds()


@settings(max_examples=COMMON, deadline=None)
@given(
    asked=st.lists(keys, min_size=1, max_size=3),
    parameters=st.lists(st.sampled_from(list(UNITS)), min_size=1, unique=True),
    flow=st.sampled_from(["", "forward", "reverse", "none", "net"]),
    style=st.sampled_from(["constantYValue", "straightLineYValues"]),
    start=instants,
    count=st.integers(1, 500),
    interval_s=seconds,
)
def test_forecast_queries(asked, parameters, flow, style, start, count, interval_s):
    message = messages.forecast_query(
        *map(pointing, asked), parameters=parameters, flow=flow, style=style, count=count,
        start=start.isoformat(), duration=interval_s, unit="s",
    )  # fmt: skip

    content = checked("QueryDERGroupForecasts", message)

    sign = -1.0 if flow == "reverse" else 1.0
    assert keys_in(content) == asked
    assert parse_parameters(content) == dict.fromkeys(parameters, (flow, sign))
    assert parse_schedules(content) == [Schedule(style, start, float(interval_s), count)]


@settings(max_examples=COMMON, deadline=None)
@given(device=words, start=instants, span_s=st.integers(1, 10**7), where=st.integers(0, 2))
def test_questions_for_readings(device, start, span_s, where):
    end = start + dt.timedelta(seconds=span_s)
    times = f"<end>{end.isoformat()}</end><start>{start.isoformat()}</start>"
    inside = (
        "", f"<Reading><timePeriod>{times}</timePeriod></Reading>",
        f"<TimeSchedule><scheduleInterval>{times}</scheduleInterval></TimeSchedule>",
    )[where]  # fmt: skip
    of_request = {} if inside else {"start": start.isoformat(), "end": end.isoformat()}
    asked = meters.device(escaped(device))
    asked = asked + inside

    content = checked("QueryMeterReadings", meters.get(asked, **of_request))

    assert _range(as_call(content)) == Range(start, end)
    assert read_identified(content.find("{*}EndDevice"), "EndDevice").mrid == device


# --- changes and operation sets -----------------------------------------------------------------
changes = st.builds(
    GroupChange,
    description=st.none() | st.just("") | words,
    functions=st.none() | st.frozensets(st.sampled_from(messages.FLAGS)),
    version=st.none() | versions,
    add=st.builds(MemberKeys, mrids=st.lists(words, max_size=5).map(tuple)),
)


def version_xml(version: Version | None) -> str:
    if version is None:
        return ""
    parts = {"date": version.date and version.date.isoformat(), "major": version.major,
             "minor": version.minor, "revision": version.revision}  # fmt: skip
    inner = "".join(f"<{k}>{v}</{k}>" for k, v in parts.items() if v is not None)
    return f"<version>{inner}</version>"


def change_xml(mrid: str, change: GroupChange) -> str:
    described = change.description is not None
    found = messages.group(
        escaped(mrid), members=list(map(escaped, change.add.mrids)),
        on=None if change.functions is None else tuple(change.functions),
        version=version_xml(change.version),
    )  # fmt: skip
    text = f"<description>{escaped(change.description or '')}</description>"
    return found.replace("</mRID>", f"</mRID>{text}", 1) if described else found


@settings(max_examples=COMMON, deadline=None)
@given(mrid=words, change=changes)
def test_changes_of_groups(mrid, change):
    message = messages.create_groups(change_xml(mrid, change), verb="change")

    (element,) = checked("ChangeDERGroups", message)

    item = read_identified(element, "DERGroup")
    assert (item.mrid, parse_change(item)) == (mrid, change)


@settings(max_examples=COMMON, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["create", "change", "delete"]), st.booleans(), group_data()
        ),
        min_size=1, max_size=6,
    )
)  # fmt: skip
def test_operation_sets(steps):
    profiles = [
        (verb, on_elements, render_identified(stored_group(data), data.members.mrids))
        for verb, on_elements, data in steps
    ]

    payload = render_operation_set(profiles, "DERGroups")
    read = read_steps(valid("ExecutedDERGroupsOperationSet", payload))

    assert [(s.number, s.noun, s.verb, s.on_elements) for s in read] == [
        (number, "DERGroups", verb, on_elements)
        for number, (verb, on_elements, _) in enumerate(steps, start=1)
    ]
    for step, (_, _, data) in zip(read, steps, strict=True):
        (item,) = read_groups(as_call(step.profile))
        assert (item.mrid, key_of(item).names) == (data.mrid, data.names)
        assert parse_members(item.element) == data.members


# --- what others told us ------------------------------------------------------------------------
values = st.builds(
    ToldValue, parameter=st.just(""), at=instants, nominal=maybe_watts, high=maybe_watts,
    low=maybe_watts, installed_max=maybe_watts, installed_min=maybe_watts,
)  # fmt: skip


@settings(max_examples=COMMON, deadline=None)
@given(
    told=st.dictionaries(st.sampled_from(list(UNITS)), values, min_size=1),
    state=words,
    reason=st.just("") | words,
)
def test_told_statuses(told, state, reason):
    at = max(value.at for value in told.values())
    group = stored_group(GroupData(mrid="g", name="G", names=(Name("G"),), functions=frozenset()))
    shown = {
        parameter: {name: getattr(value, name) for name in (
            "nominal", "high", "low", "installed_max", "installed_min")}
        | {"at": value.at.isoformat()}
        for parameter, value in told.items()
    }  # fmt: skip
    known = selectors.Told("Party", clock.now(), at, False, state, reason, shown)

    content = valid("ChangedDERGroupStatuses", render_statuses([(group, known)]))

    read = parse_status(content[0])
    assert (read.state, read.reason) == (state, reason)
    assert isinstance(read, ToldGroup)
    for got in read.values:
        wanted = told[got.parameter]
        assert got.at == wanted.at
        for name in ("nominal", "high", "low", "installed_max", "installed_min"):
            assert close(getattr(got, name), getattr(wanted, name)), name


# --- replies ------------------------------------------------------------------------------------
ids = st.none() | st.builds(
    ObjectId, words, st.sampled_from(["uuid", "name", "transaction"]), st.just("") | words
)
errors = st.builds(
    ReplyError, st.sampled_from(["1.8", "2.29", "5.1", "6.1", "7.5", "99.1"]), words, ids, ids,
    operation_id=st.none() | st.integers(1, 99),
)  # fmt: skip


@settings(max_examples=COMMON, deadline=None)
@given(found=st.lists(errors, max_size=4), message_id=words, correlation_id=st.just("") | words)
def test_replies(found, message_id, correlation_id):
    messages_of = operations.get("CreatedDERGroups").messages
    request = Header("created", "DERGroups", message_id, correlation_id)

    reply = render_reply(messages_of, request, Outcome(tuple(found)))

    root = etree.fromstring(reply.xml)
    assert schema.check(messages_of, root) == ""
    header = read_header(root)
    assert (header.verb, header.noun) == ("reply", "DERGroups")
    assert header.correlation_id == (correlation_id or message_id)
    told = [
        (e.findtext("{*}code"), e.findtext("{*}details"), e.findtext("{*}ID"),
         e.findtext("{*}relatedID"), e.findtext("{*}operationId"))
        for e in root.iter("{*}Error")
    ]  # fmt: skip
    assert told == [
        (e.code, e.details, e.id and e.id.value, e.related and e.related.value,
         None if e.operation_id is None else str(e.operation_id))
        for e in found
    ] or not found  # fmt: skip
    verdict = judge(Answered(200, wrap(reply.xml), 1.0), messages_of)
    assert (verdict.kind == Kind.DELIVERED) == (not found)
    assert (verdict.kind == Kind.RETRY) == bool(found and found[0].code == "5.1")


TOLD = {
    "DERGroups", "DERGroupStatuses", "DERGroupForecasts", "DERGroupDispatches",
    "EndDeviceControls", "EndDeviceEvents",
}  # fmt: skip
HERE = {"DERGroupQueries", "DERGroupStatusQueries", "DERGroupForecastQueries",
        "GetMeterReadings", "DERGroupsOperationSet"}  # fmt: skip
ELSEWHERE = {"MeterReadings"}


def test_nothing_is_left_out():
    assert set(told_nouns.PROPERTIES) == TOLD
    assert {o.messages.message for o in OPERATIONS} == TOLD | HERE | ELSEWHERE
