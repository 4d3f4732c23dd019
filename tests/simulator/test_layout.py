"""The register map, judged by the SunSpec Alliance's own definitions and client."""

import csv
import time

import pytest
from sunspec2.device import get_model_def
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from derms.southbound.simulator.points import MODELS, NOT_IMPLEMENTED, POINTS, WIDTH


def definition_points(group, prefix="", offset=0):
    """Yield (name, definition, offset in the model) of every point of a model definition."""
    for point in group.get("points", []):
        yield prefix + point["name"], point, offset
        offset += point["size"]
    for inner in group.get("groups", []):
        yield from (found := list(definition_points(inner, f"{inner['name']}.", offset)))
        offset = found[-1][2] + found[-1][1]["size"]


def connect(running, name):
    client = SunSpecModbusClientDeviceTCP(
        slave_id=1, ipaddr="127.0.0.1", ipport=running.port(name), timeout=2
    )
    client.connect()
    return client


@pytest.mark.parametrize("model", MODELS)
def test_every_point_lies_where_sunspec_defines_it(model):
    expected = {
        name: (point, offset)
        for name, point, offset in definition_points(get_model_def(model)["group"])
        if name not in {"ID", "L"}
    }

    mine = {p.name: p for p in POINTS.values() if p.model == model}

    assert list(mine) == list(expected)
    for name, (definition, offset) in expected.items():
        point = mine[name]
        assert point.column == MODELS[model][0] + offset, point.key
        assert point.width == definition["size"], point.key
        assert point.kind.partition(":")[0] == definition["type"], point.key
        assert point.scale in ("", f"{model}.{definition.get('sf')}"), point.key
        if point.writable:
            assert definition.get("access") == "RW", point.key
        if point.high is not None and "symbols" in definition:
            legal = {symbol["value"] for symbol in definition["symbols"]}
            assert legal == set(range(point.low, point.high + 1)), point.key


def test_every_register_type_has_width_and_absent_value():
    assert set(WIDTH) == set(NOT_IMPLEMENTED)


@pytest.mark.parametrize("kind", ["pv", "battery", "ev_charger", "load", "genset", "wind"])
def test_sunspec_client_scans_every_kind(running, kind):
    name = running.first(kind)
    client = connect(running, name)

    client.scan()

    storage = [713] if kind == "battery" else []
    assert [m.model_id for m in client.model_list] == [1, 103, 701, 702, 703, 704, 715, *storage]
    assert not any(m.error_info for m in client.model_list)
    state = running.state(name)
    measured = client.models[701][0]
    tolerance = 0.05 * client.models[702][0].WMaxRtg.cvalue
    assert measured.W.cvalue == pytest.approx(state["p_w"], abs=tolerance)
    assert measured.Hz.cvalue == pytest.approx(60, abs=0.1)
    assert client.models[103][0].W.cvalue == pytest.approx(measured.W.cvalue, abs=tolerance)
    if kind == "battery":
        assert client.models[713][0].SoC.cvalue == pytest.approx(state["soc_pct"], abs=0.5)
    client.disconnect()


def test_nameplate_on_the_wire_equals_the_csv(running):
    with running.fleet.open() as file:
        rows = list(csv.DictReader(file))

    for row in rows[::7]:
        client = connect(running, row["name"])
        client.scan()
        identity, plate = client.models[1][0], client.models[702][0]
        base = float(row["rated_w"]) or float(row["rated_charge_w"])
        assert identity.Mn.value == row["manufacturer"]
        assert identity.Md.value == row["model"]
        assert identity.SN.value == row["serial_number"]
        assert base == pytest.approx(plate.WMaxRtg.cvalue, rel=0.01)
        assert plate.WMax.cvalue == plate.WMaxRtg.cvalue
        assert plate.VAMaxRtg.cvalue == pytest.approx(float(row["rated_va"]), rel=0.01)
        assert plate.VarMaxInjRtg.cvalue == pytest.approx(
            float(row["rated_var_injected"]), rel=0.01
        )
        if row["kind"] in {"battery", "ev_charger", "load"}:
            assert plate.WChaRteMaxRtg.cvalue == pytest.approx(float(row["rated_charge_w"]))
            assert plate.WDisChaRteMaxRtg.cvalue == pytest.approx(float(row["rated_w"]))
        else:
            assert plate.WChaRteMaxRtg.value is None
        if row["rated_wh"]:
            stored = client.models[713][0].WHRtg.cvalue
            assert stored == pytest.approx(float(row["rated_wh"]), rel=0.01)
        client.disconnect()


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_sunspec_client_sets_power_and_sees_it_follow(running, number):
    name = running.first("battery", number)
    client = connect(running, name)
    client.scan()
    wanted = -0.5 * client.models[702][0].WMax.cvalue
    ctl = client.models[704][0]

    ctl.WSet.cvalue = wanted
    ctl.WSetRvrtTms.value = 60
    ctl.WSetEna.value = 1
    ctl.write()

    deadline = time.monotonic() + 10
    measured = client.models[701][0]
    while time.monotonic() < deadline and measured.W.cvalue != pytest.approx(wanted, rel=0.02):
        time.sleep(0.25)
        measured.read()
    assert measured.W.cvalue == pytest.approx(wanted, rel=0.02)
    ctl.read()
    assert ctl.WSet.cvalue == pytest.approx(wanted, rel=0.01)
    assert 40 <= ctl.WSetRvrtRem.value <= 60
    client.disconnect()


def test_vendors_scale_differently(running):
    factors = set()
    for number in range(10):
        client = connect(running, running.first("battery", number))
        client.scan()
        ctl = client.models[704][0]
        factors.add((ctl.WSet_SF.value, ctl.WMaxLimPct_SF.value, client.models[701][0].W_SF.value))
        client.disconnect()

    assert len(factors) >= 3
