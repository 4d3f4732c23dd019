"""DERGroupForecasts over SOAP: what is expected, over which points, and how far to trust it."""

import datetime as dt

import pytest

from derms.core import clock
from derms.core.quantities import Quantity
from derms.devices.models import EndDevice, LatestReading
from forecasting.models import ToldCurve
from groups.models import DerGroup
from tests.cim.conftest import Dms, make_devices
from tests.cim.messages import (
    asked,
    create_groups,
    forecast,
    forecast_query,
    forecasts,
    group,
    groups_content,
    request,
)
from tests.cim.test_dispatches import report, soon

CREATE = "create/executeDERGroups"
FORECASTS = "get/queryDERGroupForecasts"
VOLTAGE = ("realPowerDispatch", "reactivePowerDispatch", "voltageRegulation")


def ask(dms_client, *items, **more):
    return dms_client.post(FORECASTS, forecast_query(*items, **{"start": soon()} | more))


def curves(said):
    """{(group, parameter): [(number, max, min, nominal)]}"""
    return {
        (group.findtext("{*}mRID"), parameter.findtext("{*}DERParameter")): [
            tuple(
                None if text is None else float(text)
                for text in (
                    point.findtext(f"{{*}}{name}")
                    for name in ("intervalNumber", "maxYValue", "minYValue", "nominalYValue")
                )
            )
            for point in parameter.iter("{*}DERCurveData")
        ]
        for group in said.root.iter("{*}EndDeviceGroup")
        for parameter in group.iter("{*}DERMonitorableParameter")
    }


@pytest.fixture
def dg2(dms_client):
    """Ten 10 kW batteries that give 2 kW each."""
    members = make_devices(10)
    report(members, p_w=2000.0)
    dms_client.post(CREATE, create_groups(group("m2", "DG2", members)))
    return members


@pytest.mark.parametrize(("style", "points"), [("constantYValue", 4), ("straightLineYValues", 5)])
def test_points_by_curve_style(dms_client, dg2, style, points):
    start = soon()

    said = ask(dms_client, asked("m2"), style=style, start=start)

    found = curves(said)["m2", "activePower"]
    assert (said.result, said.codes, said.header("Noun")) == ("OK", ["0.0"], "DERGroupForecasts")
    assert [point[0] for point in found] == list(range(1, points + 1))
    assert {point[1:] for point in found} == {(100.0, -100.0, 20.0)}
    (schedule,) = said.root.iter("{*}DispatchSchedule")
    assert dt.datetime.fromisoformat(
        schedule.findtext("{*}startTime")
    ) == dt.datetime.fromisoformat(start)
    assert schedule.findtext("{*}timeIntervalDuration") == "15"
    assert schedule.findtext("{*}timeIntervalUnit") == "m"
    assert schedule.findtext("{*}curveStyleKind") == style
    assert said.texts("yUnitInstalledMax") == ["100"]
    created = dt.datetime.fromisoformat(said.texts("predictionCreationDate")[0])
    assert abs(created - clock.now()) < dt.timedelta(seconds=10)


@pytest.mark.parametrize(
    ("duration", "unit", "told"),
    [
        (30, "s", ("30", "s")),
        (120, "s", ("2", "m")),
        (60, "m", ("1", "h")),
        (24, "h", ("1", "D")),
        (2, "D", ("2", "D")),
    ],
)
def test_interval_units(dms_client, dg2, duration, unit, told):
    said = ask(dms_client, asked("m2"), duration=duration, unit=unit)

    assert (said.texts("timeIntervalDuration")[0], said.texts("timeIntervalUnit")[0]) == told


def test_trust_is_low_and_stale_members_count_nowhere(dms_client, dg2):
    old = clock.now() - dt.timedelta(hours=1)
    LatestReading.objects.filter(device__mrid__in=dg2[:4]).update(measured_at=old)

    said = ask(dms_client, asked("m2"))

    assert curves(said)["m2", "activePower"][0] == (1, 60.0, -60.0, 12.0)
    assert float(said.texts("confidence")[0]) == 12.0
    assert "persistence: 6 of 10 members good, 4 stale" in said.texts("name")


def test_group_nobody_hears_from_has_no_nominal_value(dms_client):
    dms_client.post(CREATE, create_groups(group("m3", "DG3", make_devices(2))))

    said = ask(dms_client, asked("m3"))

    assert curves(said)["m3", "activePower"][0] == (1, 0.0, 0.0, None)
    assert said.texts("confidence") == ["0"]


def test_readings_beyond_the_ratings_are_cut(dms_client, dg2):
    LatestReading.objects.filter(device__mrid=dg2[0], quantity=Quantity.ACTIVE_POWER_W).update(
        value=1e6
    )

    said = ask(dms_client, asked("m2"))

    assert curves(said)["m2", "activePower"][0][3] == 28.0


def test_row_14_only_parameters_of_the_groups_functions(dms_client, dg2):
    dms_client.post(CREATE, create_groups(group("m4", "DG4", dg2, on=VOLTAGE)))
    for device in EndDevice.objects.filter(mrid__in=dg2):
        LatestReading.objects.create(
            device=device, quantity=Quantity.VOLTAGE_V, measured_at=clock.now(), value=230.0,
            quality=0, source=1,
        )  # fmt: skip

    said = ask(
        dms_client, asked("m2"), asked("m4"), parameters=("activePower", "voltage"),
        style="straightLineYValues", duration=1, unit="h",
    )  # fmt: skip

    found = curves(said)
    assert said.result == "OK"
    assert set(found) == {("m2", "activePower"), ("m4", "activePower"), ("m4", "voltage")}
    assert {len(points) for points in found.values()} == {5}
    assert found["m4", "voltage"][0] == (1, None, None, 0.23)


def test_group_that_gives_nothing_of_what_is_asked(dms_client, dg2):
    said = ask(dms_client, asked("m2"), parameters=("voltage",))

    assert (said.result, said.codes, said.payload) == ("FAILED", ["6.1"], None)
    assert (said.errors[0]["id"], said.errors[0]["type"]) == ("m2", "DERGroup")


def test_direction_asked_for_turns_signs_and_limits(dms_client, dg2):
    LatestReading.objects.filter(quantity=Quantity.SOC_PCT).update(value=1.0)  # cannot give

    said = ask(dms_client, asked("m2"), flow="reverse")

    assert curves(said)["m2", "activePower"][0] == (1, 100.0, 0.0, -20.0)
    assert said.texts("flowDirection") == ["reverse"]
    assert ask(dms_client, asked("m2"), flow="lagging").codes == ["2.29"]


def test_unknown_groups_and_the_known_rest(dms_client, dg2):
    alone = ask(dms_client, asked("", "ghost"))
    mixed = ask(dms_client, asked("m2"), asked("", "ghost"))

    assert (alone.result, alone.codes, alone.payload) == ("FAILED", ["99.1"], None)
    assert (mixed.result, mixed.codes) == ("FAILED", ["99.1"])
    assert mixed.errors[0]["details"] == "DERGroup does not exist"
    assert set(curves(mixed)) == {("m2", "activePower")}


def test_several_schedules_and_all_groups(dms_client, dg2):
    said = ask(dms_client, "<EndDeviceGroup/>", schedules=2)

    assert len(curves(said)["m2", "activePower"]) == 8


def test_the_misspelt_noun_of_a_public_client_is_taken(dms_client, dg2):
    assert ask(dms_client, asked("m2"), noun="DEGroupForecasts").result == "OK"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"count": 0}, "6.1"),
        ({"count": -1}, "6.1"),
        ({"count": 10_001}, "3.1"),
        ({"count": 10**30}, "6.1"),
        ({"duration": 0}, "6.1"),
        ({"start": "2020-01-01T00:00:00Z"}, "6.1"),
        ({"start": "9999-12-31T00:00:00Z", "unit": "h"}, "6.1"),
        ({"start": "9999-12-31T23:00:00Z", "unit": "M"}, "6.1"),
        ({"count": 9_000, "schedules": 30}, "3.1"),
        ({"unit": "min"}, "1.8"),
        ({"parameters": ("power",)}, "1.8"),
        ({"parameters": ()}, "1.8"),
        ({"schedules": 0}, "1.8"),
    ],
)
def test_what_cannot_be_forecast(dms_client, dg2, more, code):
    said = ask(dms_client, asked("m2"), **more)

    assert (said.result, said.codes, said.payload) == ("FAILED", [code], None)


def test_rest_tells_the_same(dms_client, dg2, operator):
    said = operator.get(
        "/api/v1/groups/m2/forecast", {"intervals": 2, "curve_style": "straightLineYValues"}
    )

    told = said.json()
    (power,) = [p for p in told["parameters"] if p["parameter"] == "activePower"]
    assert said.status_code == 200
    assert (told["method"], told["members"], told["stale"]) == ("persistence", 10, 0)
    assert (power["unit"], power["confidence_pct"]) == ("W", 20.0)
    assert [(p["nominal"], p["high"], p["low"]) for p in power["points"]] == [
        (20_000.0, 100_000.0, -100_000.0)
    ] * 3


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"intervals": 0}, 422),
        ({"interval_s": "x"}, 422),
        ({"parameter": "power"}, 422),
        ({"start": "2020-01-01T00:00:00Z"}, 409),
    ],
)
def test_rest_refuses(dms_client, dg2, operator, query, status):
    assert operator.get("/api/v1/groups/m2/forecast", query).status_code == status


def test_rest_of_a_group_of_another_organisation(dms_client, dg2, aggregator):
    assert aggregator.get("/api/v1/groups/m2/forecast").status_code == 404


TOLD = "create/receiveDERGroupForecasts"


@pytest.fixture
def party(aggregator):
    """A DERMS of another party with a group P1."""
    party = Dms(aggregator)
    created = request("CreatedDERGroups", "DERGroups", "created", groups_content(group("p1", "P1")))
    assert party.post("create/receiveDERGroups", created).result == "OK"
    return party


def hours(count=0):
    at = clock.now().replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=1 + count)
    return at.isoformat()


def tell(party, mrid="p1", **more):
    values = {"start": hours(), "flow": "none", "created": clock.now().isoformat()} | more
    return party.post(TOLD, forecasts(forecast(mrid, **values)))


def nominal(said, mrid="p1"):
    return [point[3] for point in curves(said)[mrid, "activePower"]]


def test_told_forecast_is_given_on_as_told(dms_client, party):
    said = tell(party, values=((9, 1, 5), (10, 2, 6)), duration=30)

    asked_for = ask(dms_client, asked("p1"), start=hours(), count=6)
    assert said.result == "OK"
    assert curves(asked_for)["p1", "activePower"] == [
        (1, 9.0, 1.0, 5.0), (2, 9.0, 1.0, 5.0), (3, 10.0, 2.0, 6.0), (4, 10.0, 2.0, 6.0),
        (5, None, None, None), (6, None, None, None),
    ]  # fmt: skip
    assert asked_for.texts("confidence") == ["80"]
    assert asked_for.texts("yUnitInstalledMax") == ["20"]
    owner = DerGroup.objects.get(mrid="p1").owner.name
    assert any(f"told by {owner} 0 min ago" in name for name in asked_for.texts("name"))


def test_told_straight_lines_are_joined(dms_client, party):
    tell(
        party, style="straightLineYValues", values=((9, 1, 0), (9, 1, 10)), duration=1, interval="h"
    )

    said = ask(dms_client, asked("p1"), start=hours(), style="straightLineYValues")

    assert nominal(said) == [0.0, 2.5, 5.0, 7.5, 10.0]


def test_newer_forecast_replaces_and_an_older_one_does_not(dms_client, party):
    old = (clock.now() - dt.timedelta(hours=1)).isoformat()
    tell(party, values=((9, 1, 5),))
    tell(party, values=((9, 1, 6),))
    tell(party, values=((9, 1, 7),), created=old)

    assert nominal(ask(dms_client, asked("p1"), start=hours(), count=1)) == [6.0]


def test_forecast_dated_ahead_does_not_keep_out_the_next(dms_client, party):
    ahead = (clock.now() + dt.timedelta(days=9)).isoformat()
    tell(party, values=((9, 1, 5),), created=ahead)
    tell(party, values=((9, 1, 6),))

    assert nominal(ask(dms_client, asked("p1"), start=hours(), count=1)) == [6.0]


def test_told_reverse_turns_signs_and_limits(dms_client, party):
    tell(party, values=((9, 1, 5),), flow="reverse")

    said = ask(dms_client, asked("p1"), start=hours(), count=1)

    assert curves(said)["p1", "activePower"] == [(1, -1.0, -9.0, -5.0)]


def test_rest_says_who_told(party, operator):
    tell(party, values=((9, 1, 5),))

    told = operator.get("/api/v1/groups/p1/forecast", {"start": hours(), "intervals": 2}).json()

    (power,) = told["parameters"]
    assert (told["method"], told["basis"].split(" ")[0]) == ("told", "told")
    assert [p["nominal"] for p in power["points"]] == [5000.0, None]


@pytest.mark.parametrize(
    ("mrid", "more", "code"),
    [
        ("ghost", {}, "99.1"),
        ("m2", {}, "99.1"),
        ("", {}, "1.7"),
        ("p1", {"unit": "V"}, "2.29"),
        ("p1", {"flow": "lagging"}, "2.29"),
        ("p1", {"values": ((9, 1, "NaN"),)}, "6.1"),
        ("p1", {"start": "2020-01-01T00:00:00Z"}, "6.1"),
        ("p1", {"duration": 0}, "6.1"),
        ("p1", {"style": "straightLineYValues"}, "6.1"),
        ("p1", {"values": ()}, "1.8"),
        ("p1", {"created": "never"}, "1.8"),
    ],
)
def test_told_forecast_refused(dms_client, dg2, party, mrid, more, code):
    said = tell(party, mrid, **more)

    assert said.codes == [code]
    assert not ToldCurve.objects.exists()
