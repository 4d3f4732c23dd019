"""DERGroupStatuses over SOAP: what is measured, what is possible, and how far to trust it."""

import pytest

from derms.core import clock
from groups.models import DerGroup, GroupStatus
from tests.cim.messages import asked, create_groups, group, query

CREATE = "create/executeDERGroups"


def ask(dms_client, *items):
    return dms_client.post(
        "get/queryDERGroupStatuses", query("DERGroupStatusQueries", "DERGroupStatuses", *items)
    )


def set_status(name, **more):
    values = {
        "at": clock.now(),
        "active_power_w": 2_520_000.125,
        "reactive_power_var": -1000.0,
        "apparent_power_va": 2_520_001.0,
        "available_max_w": 3e6,
        "available_min_w": -1e6,
        "available_max_var": 5e5,
        "available_min_var": -5e5,
        "installed_max_w": 4e6,
        "installed_min_w": -4e6,
        "installed_max_var": 6e5,
        "installed_min_var": -6e5,
        "energy_wh": 0,
        "energy_capacity_wh": 0,
        "soc_pct": None,
        "voltage_v": 231.5,
        "members": 10,
        "good": 10,
        "stale": 0,
        "stale_last_w": 0,
        "coverage_pct": 100,
    }
    GroupStatus.objects.update_or_create(
        group=DerGroup.objects.get(name=name), defaults=values | more
    )


def parameters(said):
    return {
        p.findtext("{*}DERParameter"): {
            "multiplier": p.findtext("{*}yMultiplier"),
            "unit": p.findtext("{*}yUnit"),
            "installed": (p.findtext("{*}yUnitInstalledMax"), p.findtext("{*}yUnitInstalledMin")),
            **{
                k: p.findtext(f"{{*}}DERCurveData/{{*}}{k}YValue")
                for k in ("max", "min", "nominal")
            },
        }
        for p in said.root.iter("{*}DERMonitorableParameter")
    }


@pytest.fixture
def group_dg2(dms_client):
    dms_client.post(CREATE, create_groups(group("m2", "DG2")))
    set_status("DG2")
    return "DG2"


def test_status_in_kilo_units_with_limits(dms_client, group_dg2):
    said = ask(dms_client, asked("", group_dg2))

    found = parameters(said)
    assert (said.result, said.codes, said.header("Noun")) == ("OK", ["0.0"], "DERGroupStatuses")
    assert found["activePower"] == {
        "multiplier": "k",
        "unit": "W",
        "installed": ("4000", "-4000"),
        "max": "3000",
        "min": "-1000",
        "nominal": "2520.000125",
    }
    assert found["reactivePower"]["nominal"] == "-1"
    assert found["apparentPower"]["unit"] == "VA"
    assert said.texts("mRID") == ["m2"]
    assert said.texts("name") == ["DG2"]
    assert said.texts("value") == ["Online"]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (("realPowerDispatch",), {"activePower"}),
        (("reactivePowerDispatch",), {"activePower", "reactivePower", "apparentPower"}),
        (("voltWattCurveFunction",), {"activePower", "voltage"}),
        (("voltageRegulation",), {"activePower", "reactivePower", "apparentPower", "voltage"}),
    ],
)
def test_row_14_only_parameters_of_the_groups_functions(dms_client, on, expected):
    dms_client.post(CREATE, create_groups(group("m", "G", on=on)))
    set_status("G")

    assert set(parameters(ask(dms_client, asked("m")))) == expected


def test_unknown_voltage_is_left_out(dms_client):
    dms_client.post(CREATE, create_groups(group("m", "G", on=("voltageRegulation",))))
    set_status("G", voltage_v=None)

    assert "voltage" not in parameters(ask(dms_client, asked("m")))


@pytest.mark.parametrize(
    ("good", "stale", "value", "nominal"),
    [(7, 3, "Degraded", "2520.000125"), (0, 10, "Offline", None)],
)
def test_stale_members_are_told_and_never_counted(
    dms_client, group_dg2, good, stale, value, nominal
):
    set_status("DG2", good=good, stale=stale, stale_last_w=1500.0, coverage_pct=good * 10)

    said = ask(dms_client, asked("m2"))

    assert said.texts("value") == [value]
    assert said.texts("reason")[-1] == f"{good} of 10 members good, {stale} stale"
    assert said.texts("remark") == [
        f"Coverage {good * 10:.1f} %; stale members last gave 1.500 kW, not included"
    ]
    assert parameters(said)["activePower"]["nominal"] == nominal


def test_group_whose_status_was_never_computed(dms_client):
    dms_client.post(CREATE, create_groups(group("m", "G")))

    said = ask(dms_client, asked("m"))

    assert (said.result, said.texts("value")) == ("OK", ["Unknown"])
    assert parameters(said)["activePower"]["nominal"] is None


def test_row_11_unknown_group_alone(dms_client):
    said = ask(dms_client, asked("", "DG1"))

    (error,) = said.errors
    assert (said.result, said.payload) == ("FAILED", None)
    assert (error["code"], error["details"]) == ("99.1", "DERGroup does not exist")
    assert (error["id"], error["kind"], error["type"]) == ("DG1", "name", "DERGroup")


@pytest.mark.parametrize("setting", ["FAILED", "PARTIAL"])
def test_row_12_known_groups_come_with_the_error(dms_client, group_dg2, settings, setting):
    settings.CIM_MIXED_RESULT = setting

    said = ask(dms_client, asked("", "DG7"), asked("", group_dg2))

    assert (said.result, said.codes) == (setting, ["99.1"])
    assert said.texts("mRID") == ["m2"]


def test_all_groups(dms_client, group_dg2):
    dms_client.post(CREATE, create_groups(group("m3", "DG3")))

    assert ask(dms_client, asked()).texts("mRID") == ["m2", "m3"]
