"""DERGroupDispatches over SOAP: what reaches the service, and what is refused and how."""

import datetime as dt

import pytest

from derms.audit.models import AuditRecord
from derms.cim.quantities import UNITS
from derms.core import clock
from derms.core.quantities import Quantity
from derms.devices.models import DeviceStatus, EndDevice, LatestReading
from dispatch.choices import DerParameter
from dispatch.models import GroupDispatch
from tests.cim.conftest import make_devices
from tests.cim.messages import (
    DEFAULT_FUNCTIONS,
    FLAGS,
    create_dispatches,
    create_groups,
    dispatch,
    group,
    schedule,
)
from tests.cim.test_attacks import all_rows_hash

DISPATCH = "create/executeDERGroupDispatches"
CREATE = "create/executeDERGroups"


def soon(minutes=10):
    at = clock.now() + dt.timedelta(minutes=minutes)
    return at.replace(microsecond=0).isoformat()


def report(mrids, p_w=0.0):
    """Let the devices have reported just now: connected, running, half full."""
    now = clock.now()
    for device in EndDevice.objects.filter(mrid__in=mrids):
        DeviceStatus.objects.update_or_create(
            device=device, defaults={"connection": 2, "operating": 4, "last_contact_at": now}
        )
        for quantity, value in {
            Quantity.ACTIVE_POWER_W: p_w,
            Quantity.REACTIVE_POWER_VAR: 0.0,
            Quantity.SOC_PCT: 50.0,
        }.items():
            LatestReading.objects.update_or_create(
                device=device,
                quantity=quantity,
                defaults={"measured_at": now, "value": value, "quality": 0, "source": 1},
            )


@pytest.fixture
def dg2(dms_client):
    """A group of ten 10 kW batteries that have all reported."""
    members = make_devices(10)
    report(members)
    dms_client.post(CREATE, create_groups(group("m2", "DG2", members)))
    return "m2"


def ask(dms_client, *items, **ids):
    return dms_client.post(DISPATCH, create_dispatches(*items, **ids))


def one(**more):
    values = {"group_mrid": "m2", "schedules": schedule((20.0, 30.0), start=soon())}
    return dispatch(**values | more)


def test_dispatch_reaches_the_service_in_si_units(dms_client, dg2):
    start = soon()

    said = ask(
        dms_client, one(mrid="d1", name="peak", schedules=schedule((20.0, 30.5), start=start))
    )

    row = GroupDispatch.objects.get()
    assert (said.result, said.codes, said.payload) == ("OK", ["0.0"], None)
    assert (row.mrid, row.name, row.group_mrid) == ("d1", "peak", "m2")
    assert (row.parameter, row.curve_style) == ("activePower", "constantYValue")
    assert (row.values, row.interval_s) == ([20_000.0, 30_500.0], 900.0)
    assert row.start_at == dt.datetime.fromisoformat(start)
    assert (row.state, row.requested_by) == ("scheduled", dms_client.actor.name)


def test_straight_line_of_five_points_is_four_intervals(dms_client, dg2):
    points = schedule((1, 2, 3, 4, 5), style="straightLineYValues", start=soon())

    said = ask(dms_client, one(schedules=points))

    row = GroupDispatch.objects.get()
    assert (said.result, row.curve_style, len(row.values)) == ("OK", "straightLineYValues", 5)
    assert row.end_at - row.start_at == dt.timedelta(hours=1)


def test_group_by_name_and_mrid_of_the_dispatch_assigned(dms_client, dg2):
    said = ask(dms_client, one(group_mrid="", group_name="DG2"))

    (answer,) = said.payload.findall(".//{*}DERGroupDispatch")
    assert said.result == "OK"
    assert answer.findtext("{*}mRID") == GroupDispatch.objects.get().mrid
    assert answer.findtext(".//{*}Names/{*}name") == "DG2"
    assert [e.text for e in answer.iter("{*}nominalYValue")] == ["20.0", "30.0"]


def test_reverse_flow_is_absorption(dms_client, dg2):
    said = ask(dms_client, one(flow="reverse"))

    assert said.result == "OK"
    assert GroupDispatch.objects.get().values == [-20_000.0, -30_000.0]


def test_reactive_power(dms_client, dg2):
    said = ask(dms_client, one(parameter="reactivePower", unit="VAr"))

    assert said.result == "OK"
    assert GroupDispatch.objects.get().parameter == "reactivePower"


def test_several_schedules_become_several_dispatches(dms_client, dg2):
    two = schedule((5,), start=soon(60)) + schedule((9,), start=soon(10))

    said = ask(dms_client, one(mrid="d", schedules=two))

    rows = GroupDispatch.objects.order_by("start_at")
    assert said.result == "OK"
    assert [(r.mrid, r.values) for r in rows] == [("d", [9000.0]), ("d-2", [5000.0])]


def test_doubled_interval_number_is_accepted(dms_client, dg2):
    points = schedule((12.2, 12.35), numbers=[2, 2], start=soon())

    assert ask(dms_client, one(schedules=points)).result == "OK"


def test_start_in_the_past_with_an_end_to_come_is_accepted(dms_client, dg2):
    points = schedule((1.0, 2.0), start=soon(-10), duration=15)

    assert ask(dms_client, one(schedules=points)).result == "OK"


@pytest.mark.parametrize(("mrid", "name", "kind"), [("ghost", "", "uuid"), ("", "ghost", "name")])
def test_row_11_unknown_group(dms_client, mrid, name, kind):
    said = ask(dms_client, one(mrid="d1", group_mrid=mrid, group_name=name))

    (error,) = said.errors
    assert (said.result, said.payload, error["code"]) == ("FAILED", None, "99.1")
    assert error["details"] == "DERGroup does not exist"
    assert (error["id"], error["kind"], error["type"]) == ("ghost", kind, "DERGroup")


@pytest.mark.parametrize("setting", ["FAILED", "PARTIAL"])
def test_row_12_good_dispatches_are_accepted(dms_client, dg2, settings, setting):
    settings.CIM_MIXED_RESULT = setting

    said = ask(dms_client, one(group_mrid="ghost"), one(mrid="d2"))

    assert (said.result, said.codes) == (setting, ["99.1"])
    assert GroupDispatch.objects.get().mrid == "d2"
    assert said.payload.findtext(".//{*}DERGroupDispatch/{*}mRID") == "d2"


def test_row_9_group_without_identification(dms_client):
    said = ask(dms_client, one(group_mrid=""))

    assert (said.result, said.codes) == ("FAILED", ["1.7"])


@pytest.mark.parametrize(
    ("parameter", "unit", "named"),
    [
        ("activePower", "W", "realPowerDispatch"),
        ("reactivePower", "VAr", "reactivePowerDispatch"),
        ("voltage", "V", "voltage"),
        ("increasingRampRate", "WPers", "increasingRampRate"),
        ("apparentPower", "VA", "apparentPower"),
        ("highFilterUpRegulation", "W", "highFilterUpRegulation"),
    ],
)
def test_row_15_parameter_not_supported(dms_client, parameter, unit, named):
    members = make_devices(1)
    report(members)
    dms_client.post(CREATE, create_groups(group("m", "G", members, on=("connectDisconnect",))))
    before = all_rows_hash()

    said = ask(dms_client, one(mrid="d", group_mrid="m", parameter=parameter, unit=unit))

    (error,) = said.errors
    assert (said.result, said.payload) == ("FAILED", None)
    assert (error["code"], error["level"]) == ("6.1", "FATAL")
    assert error["reason"] == "Request cancelled per business rule"
    assert named in error["details"]
    assert (error["id"], error["kind"], error["type"]) == ("d", "uuid", "DERGroupDispatch")
    assert all_rows_hash() == before


UNUSABLE = {
    "unit": ({"unit": "V"}, "2.29"),
    "direction": ({"flow": "quadrant1"}, "2.29"),
    "zero-duration": ({"schedules": schedule(duration=0)}, "6.1"),
    "negative-duration": ({"schedules": schedule(duration=-1)}, "6.1"),
    "nan": ({"schedules": schedule(("NaN",))}, "6.1"),
    "infinite": ({"schedules": schedule(("INF",))}, "6.1"),
    "overflow": ({"schedules": schedule(("3e38",)), "multiplier": "Y"}, "6.1"),
    "past": ({"schedules": schedule((1,), start="2020-01-01T00:00:00Z")}, "6.1"),
    "year-10000": ({"schedules": schedule((1,), start="12026-01-01T00:00:00Z")}, "6.1"),
    "beyond-calendar": (
        {"schedules": schedule((1,), start="9999-12-31T00:00:00Z", unit="D")},
        "6.1",
    ),
    "beyond-capability": ({"schedules": schedule((1e6,), start="2999-01-01T00:00:00Z")}, "6.1"),
    "line-of-one": ({"schedules": schedule((1,), style="straightLineYValues")}, "6.1"),
    "interval-0": ({"schedules": schedule((1,), numbers=[0])}, "6.1"),
    "long-mrid": ({"mrid": "x" * 129}, "6.1"),
    "overlapping-schedules": ({"schedules": schedule() * 2}, "6.1"),
}


@pytest.mark.parametrize("kind", DerParameter.values)
@pytest.mark.parametrize("functions", [FLAGS, ()])
def test_every_parameter_kind_is_accepted_or_refused_with_6_1(dms_client, kind, functions):
    members = make_devices(1)
    report(members)
    dms_client.post(CREATE, create_groups(group("m", "G", members, on=functions)))
    unit = UNITS.get(kind, "W")
    able = bool(functions) and kind in ("activePower", "reactivePower")

    said = ask(
        dms_client,
        one(group_mrid="m", parameter=kind, unit=unit, schedules=schedule((1.0,), start=soon())),
    )

    assert said.codes == (["0.0"] if able else ["6.1"])
    assert GroupDispatch.objects.count() == able
    if not able:
        assert f"{kind} cannot be dispatched here: " in said.errors[0]["details"]


@pytest.mark.parametrize("kind", DerParameter.values)
def test_every_parameter_kind_wants_its_unit(dms_client, dg2, kind):
    said = ask(dms_client, one(parameter=kind, unit="Hz"))

    assert said.codes == ["2.29"]


@pytest.mark.parametrize("case", UNUSABLE)
def test_row_16_valid_by_schema_but_unusable(dms_client, dg2, case):
    more, code = UNUSABLE[case]
    before = all_rows_hash()

    said = ask(dms_client, one(**more))

    (error,) = said.errors
    assert (said.status, said.result, said.payload) == (200, "FAILED", None)
    assert (error["code"], error["level"]) == (code, "FATAL")
    assert error["reason"]
    assert error["details"]
    assert all_rows_hash() == before
    assert AuditRecord.objects.filter(outcome="refused").exists()


def test_row_10_duplicate_mrid(dms_client, dg2):
    ask(dms_client, one(mrid="d"))

    said = ask(dms_client, one(mrid="d"))

    (error,) = said.errors
    assert (said.result, error["code"]) == ("FAILED", "6.1")
    assert (error["id"], error["kind"], error["type"]) == ("d", "uuid", "DERGroupDispatch")
    assert GroupDispatch.objects.count() == 1


def test_row_19_too_many(dms_client, dg2):
    items = ask(dms_client, *[one(group_mrid="ghost")] * 1001)
    points = ask(dms_client, one(schedules=schedule((1.0,) * 10_001, start=soon())))
    number = ask(dms_client, one(schedules=schedule((1.0,), numbers=[10**9], start=soon())))

    for said in (items, points, number):
        assert (said.result, said.codes) == ("FAILED", ["3.1"])
    assert GroupDispatch.objects.count() == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<yUnit>W</yUnit>", "<yUnit>kW</yUnit>"),
        (">activePower<", ">power<"),
        ("<timeIntervalUnit>m<", "<timeIntervalUnit>min<"),
        (">15<", ">PT15M<"),
        ("<yMultiplier>k</yMultiplier>", "<yMultiplier>1000</yMultiplier>"),
    ],
)
def test_row_4_not_schema_valid(dms_client, dg2, old, new):
    message = create_dispatches(one()).replace(old, new)

    said = dms_client.post(DISPATCH, message)

    assert (said.result, said.codes) == ("FAILED", ["1.8"])


def test_functions_of_the_fixture_allow_power_dispatch():
    assert {"realPowerDispatch", "reactivePowerDispatch"} <= set(DEFAULT_FUNCTIONS)
