"""What we write is valid, and reading it gives back what was written: for every noun.

Hypothesis makes the contents: 200 of each noun in every test run, 10,000 in the slow one. Written
by the product's renderers where it writes the noun by itself, else by the tests' own builder.
Meter readings have theirs in tests/cim/test_meter_readings.py.
"""

import dataclasses
import datetime as dt
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from derms.cim import operations, schema
from derms.cim.envelope import Header, render_event
from derms.cim.parts import namespace_of, read_identified
from derms.cim.registry import Call
from derms.core.actors import SYSTEM
from derms.devices.cim.end_device_events import parse_event
from derms.devices.services.told_events import ToldEvent
from dispatch.choices import ControlAction
from dispatch.cim.der_group_dispatches import parse_create as parse_dispatch
from dispatch.cim.der_group_dispatches import read_dispatches
from dispatch.cim.echo import render_echoes
from dispatch.cim.end_device_controls import parse_create as parse_control
from dispatch.cim.end_device_controls import read_controls
from dispatch.cim.end_device_events import EventRow, render_events
from dispatch.rules.control_request import ControlData
from dispatch.rules.request import DispatchData
from forecasting.choices import CurveStyle, Method
from forecasting.cim.der_group_forecasts import render_forecasts
from forecasting.cim.received import parse_curves
from forecasting.rules.schedule import Schedule
from forecasting.selectors.shapes import Curve, GroupForecast, ParameterForecast
from groups.choices import DerFunction
from groups.cim.der_group_statuses import render_statuses
from groups.cim.der_groups import parse_create as parse_group
from groups.cim.der_groups import render_changed
from groups.cim.received import parse_status
from groups.models import DerGroup, DerGroupName, GroupStatus
from groups.rules.definition import GroupData, GroupKey, MemberKeys, Name, Version
from tests.cim import messages
from tests.cim.reference import has_reference, reference_schema

COMMON, THOROUGH = 200, 10_000
UNITS = {"activePower": "W", "reactivePower": "VAr", "apparentPower": "VA", "voltage": "V"}

# --- contents -----------------------------------------------------------------------------------
words = (
    st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=40)
    .map(str.strip)
    .filter(bool)
)
# Nine digits, and nothing below a nanowatt.
watts = st.floats(-1e12, 1e12).map(lambda x: float(f"{x:.9g}") if abs(x) > 1e-9 else 0.0)
maybe_watts = st.none() | watts
instants = st.integers(31_536_000_000, 7_226_582_400_000).map(
    lambda ms: dt.datetime.fromtimestamp(ms // 1000, dt.UTC) + dt.timedelta(milliseconds=ms % 1000)
)
seconds = st.builds(int.__mul__, st.sampled_from([1, 60, 3600, 86_400]), st.integers(1, 30))
versions = st.builds(
    Version,
    *[st.none() | st.integers(0, 9999)] * 3,
    st.none() | instants,
).filter(lambda v: v != Version())


@st.composite
def group_names(draw):
    kind = draw(st.just("") | words)
    return Name(draw(words), kind, draw(st.just("") | words) if kind else "")


@st.composite
def group_data(draw):
    named = tuple(draw(st.lists(group_names(), max_size=3, unique_by=lambda n: n.name)))
    return GroupData(
        mrid=draw(words),
        name=named[0].name if named else "",
        names=named,
        description=draw(st.just("") | words),
        functions=draw(st.frozensets(st.sampled_from(list(DerFunction)))),
        version=draw(st.none() | versions),
        members=MemberKeys(mrids=tuple(draw(st.lists(words, max_size=20)))),
    )


def stored_group(data: GroupData) -> DerGroup:
    """The row a group of this definition has, without a database."""
    version = data.version or Version()
    group = DerGroup(
        pk=1,
        mrid=data.mrid,
        name=data.name or data.mrid,
        description=data.description,
        functions=sorted(data.functions),
        version_major=version.major,
        version_minor=version.minor,
        version_revision=version.revision,
        version_date=version.date,
    )
    rows = [DerGroupName(**dataclasses.asdict(name)) for name in data.names]
    names = DerGroupName.objects.all()
    names._result_cache = rows
    group._prefetched_objects_cache = {"names": names}
    return group


@st.composite
def statuses(draw):
    fields = [f.name for f in GroupStatus._meta.fields if f.name[-2:] in ("_w", "va", "ar")]
    values = {name: draw(watts) for name in fields} | {"stale_last_w": 0.0}
    return GroupStatus(
        at=draw(instants), voltage_v=draw(maybe_watts), members=5, good=draw(st.integers(0, 5)),
        stale=0, energy_wh=0, energy_capacity_wh=0, coverage_pct=100.0, **values,
    )  # fmt: skip


@st.composite
def curves(draw):
    style = draw(st.sampled_from(list(CurveStyle)))
    schedule = Schedule(style, draw(instants), float(draw(seconds)), draw(st.integers(1, 10)))
    values = st.lists(maybe_watts, min_size=schedule.points, max_size=schedule.points)
    return Curve(
        schedule,
        draw(values), draw(values), draw(values),
        draw(st.none() | st.integers(0, 100).map(float)),
    )  # fmt: skip


@st.composite
def forecast_of_group(draw):
    parameters = draw(st.lists(st.sampled_from(list(UNITS)), min_size=1, unique=True))
    return GroupForecast(
        group=stored_group(draw(group_data())),
        created_at=draw(instants),
        method=Method.PERSISTENCE,
        basis=draw(words),
        parameters=tuple(
            ParameterForecast(p, draw(maybe_watts), draw(maybe_watts), (draw(curves()),))
            for p in parameters
        ),
        members=1, good=1, stale=0, stale_last_w=0.0,
    )  # fmt: skip


events = st.builds(
    EventRow,
    mrid=words,
    created_at=instants,
    code=st.sampled_from(["2.31.0.42", "2.31.0.68", "2.31.0.67", "2.31.0.84"]),
    device_mrid=words,
    device_name=words,
    detail=st.just("") | words,
    issuer_id=st.just("") | words,
    issuer_tracking_id=st.just("") | words,
)


# --- what must hold -----------------------------------------------------------------------------
def valid(name, payload):
    """Return the content of a message of ours that carries the payload, after all checks."""
    operation = operations.get(name)
    root = etree.fromstring(render_event(operation, payload, "m-1", "c-1"))
    assert schema.check(operation.messages, root) == ""
    if has_reference(operation.messages):
        reference_schema(operation.messages).assertValid(root)
    return root.find(f"{{*}}Payload/{operation.content}")


def close(read, written):
    return read == written or math.isclose(read, written, rel_tol=1e-9)


def der_groups(data):
    payload = render_changed(stored_group(data), data.members.mrids)
    content = valid("CreatedDERGroups", payload)
    assert parse_group(read_identified(content[0], "DERGroup")) == data


def der_group_statuses(status):
    group = stored_group(
        GroupData(mrid="g", name="G", functions=frozenset(DerFunction), names=(Name("G"),))
    )
    content = valid("ChangedDERGroupStatuses", render_statuses([(group, status)]))
    read = {value.parameter: value for value in parse_status(content[0]).values}
    assert {value.at for value in read.values()} == {status.at}
    power = read["activePower"]
    assert (power.nominal is None) == (status.good == 0)
    if status.good:
        assert close(power.nominal, status.active_power_w)
        assert close(read["apparentPower"].nominal, status.apparent_power_va)
    assert close(power.high, status.available_max_w)
    assert close(power.low, status.available_min_w)
    assert close(power.installed_max, status.installed_max_w)
    assert close(read["reactivePower"].installed_min, status.installed_min_var)
    assert ("voltage" in read) == (status.voltage_v is not None)


def der_group_forecasts(forecast):
    content = valid("CreatedDERGroupForecasts", render_forecasts([forecast]))
    read = parse_curves(content[0].find(f"{namespace_of(content)}EndDeviceGroup"))
    assert [curve.parameter for curve in read] == [p.parameter for p in forecast.parameters]
    for got, told in zip(read, forecast.parameters, strict=True):
        (curve,) = told.curves
        assert got.schedule == curve.schedule
        assert got.confidence_pct == curve.confidence_pct
        pairs = [(got.installed_max, told.installed_max)]
        for name in ("nominal", "high", "low"):
            pairs += zip(getattr(got, name), getattr(curve, name), strict=True)
        for x, y in pairs:
            assert (y is None and (x is None or math.isnan(x))) or close(x, y)


def end_device_events(row):
    content = valid("CreatedEndDeviceEvents", render_events([row]))
    assert parse_event(content[0]) == ToldEvent(
        type_code=row.code, created_at=row.created_at, mrid=row.mrid, reason=row.detail
    )
    assert read_identified(content[0].find("{*}Assets"), "EndDevice").mrid == row.device_mrid


def as_call(content):
    return Call(content, Header(), SYSTEM)


@st.composite
def dispatch_data(draw):
    parameter = draw(st.sampled_from(list(UNITS)))
    straight = draw(st.booleans())
    return DispatchData(
        group=GroupKey(mrid=draw(words)),
        parameter=parameter,
        interval_s=float(draw(seconds)),
        values=tuple(draw(st.lists(watts, min_size=1 + straight, max_size=10))),
        curve_style="straightLineYValues" if straight else "constantYValue",
        start_at=draw(instants),
        allow_partial=False,
        name=draw(st.just("") | words),
        mrid=draw(words),
    )


def der_group_dispatches(data):
    said = messages.create_dispatches(messages.dispatch(
        escaped(data.group.mrid), mrid=escaped(data.mrid), name=escaped(data.name),
        parameter=data.parameter, unit=UNITS[data.parameter], multiplier="none",
        schedules=messages.schedule(
            data.values, style=data.curve_style, start=data.start_at.isoformat(),
            duration=int(data.interval_s), unit="s"),
    ))  # fmt: skip
    content = etree.fromstring(said).find(".//{*}DERGroupDispatches")
    (asked,) = read_dispatches(as_call(content))
    assert parse_dispatch(asked) == (data,)
    # and what we give back says the same
    echo = etree.fromstring(render_echoes("DERGroupDispatches", [(content[0], data.mrid)]))
    (again,) = read_dispatches(as_call(echo))
    assert parse_dispatch(again) == (data,)


@st.composite
def control_data(draw):
    return ControlData(
        action=draw(st.sampled_from(list(ControlAction))),
        groups=tuple(GroupKey(mrid=m) for m in draw(st.lists(words, min_size=1, max_size=4))),
        devices=MemberKeys(mrids=tuple(draw(st.lists(words, max_size=4)))),
        reason=draw(st.just("") | words),
        mrid=draw(words),
        correlation_id="c-1",
    )


def end_device_controls(data):
    said = messages.control(
        "2.31.0.18" if data.action is ControlAction.CONNECT else "2.31.0.23",
        groups=[escaped(key.mrid) for key in data.groups],
        devices=[escaped(mrid) for mrid in data.devices.mrids],
        mrid=escaped(data.mrid),
        reason=escaped(data.reason),
    )
    namespace = "http://iec.ch/TC57/2011/EndDeviceControls#"
    content = etree.fromstring(f'<EndDeviceControls xmlns="{namespace}">{said}</EndDeviceControls>')
    (asked,) = read_controls(as_call(content))
    assert parse_control(asked, correlation_id="c-1") == data
    echo = etree.fromstring(render_echoes("EndDeviceControls", [(content[0], data.mrid)]))
    (again,) = read_controls(as_call(echo))
    assert parse_control(again, correlation_id="c-1") == data


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


PROPERTIES = {
    "DERGroups": (group_data(), der_groups),
    "DERGroupStatuses": (statuses(), der_group_statuses),
    "DERGroupForecasts": (forecast_of_group(), der_group_forecasts),
    "DERGroupDispatches": (dispatch_data(), der_group_dispatches),
    "EndDeviceControls": (control_data(), end_device_controls),
    "EndDeviceEvents": (events, end_device_events),
}


def hold(noun, count):
    contents, check = PROPERTIES[noun]
    settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )(given(contents)(check))()


@pytest.mark.parametrize("noun", PROPERTIES)
def test_what_is_written_is_read_back(noun):
    hold(noun, COMMON)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("noun", PROPERTIES)
def test_ten_thousand_of_each_are_read_back(noun):
    hold(noun, THOROUGH)
