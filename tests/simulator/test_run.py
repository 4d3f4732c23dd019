"""Starting, stopping, the fleet file, restarts, and many devices at once."""

import argparse
import asyncio
import csv
import json
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid

import pytest

from derms.southbound.simulator.fleet import DEFAULT_MIX, KINDS, build_fleet
from derms.southbound.simulator.points import BASE_ADDRESS, POINTS
from derms.southbound.simulator.run import Options, SimulatorError, parse_mix, run
from tests.simulator import wire
from tests.simulator.conftest import ROOT, start, stop, write_request

HEADER = (
    "mrid,name,kind,owner,feeder,transformer,usage_point,phase,import_limit_w,export_limit_w,"
    "protocol,address,poll_interval_s,rated_w,rated_charge_w,rated_va,rated_var_injected,"
    "rated_var_absorbed,rated_wh,ramp_w_per_s,rated_voltage_v,normal_category,"
    "abnormal_category,manufacturer,model,serial_number,lifecycle_state,eligible"
)


def test_fleet_file_has_the_columns_of_the_import(running):
    text = running.fleet.read_text()
    rows = list(csv.DictReader(text.splitlines()))

    assert text.splitlines()[0] == HEADER
    assert len(rows) == 60
    assert len({row["name"] for row in rows}) == len({row["address"] for row in rows}) == 60
    for row in rows:
        uuid.UUID(row["mrid"])
        assert row["kind"] in KINDS
        assert row["phase"] in {"A", "B", "C", "ABC"}
        assert row["address"] == f"127.0.0.1:{running.port(row['name'])}/1"
        assert (row["protocol"], row["lifecycle_state"]) == ("sunspec-modbus", "registered")
        assert float(row["rated_va"]) >= max(float(row["rated_w"]), float(row["rated_charge_w"]))
        assert bool(row["rated_wh"]) == (row["kind"] == "battery")


def test_same_seed_same_fleet_and_larger_begins_with_smaller():
    small = build_fleet(count=100, seed=4, mix=DEFAULT_MIX)

    large = build_fleet(count=1500, seed=4, mix=DEFAULT_MIX)

    assert large[:100] == small
    assert len({device.name for device in large}) == 1500
    assert small != build_fleet(count=100, seed=5, mix=DEFAULT_MIX)
    assert sum(device.kind == "battery" for device in small) == 28
    assert len({device.feeder for device in large}) == 8


def test_default_fleet_has_batteries_to_dispatch():
    fleet = build_fleet(count=240, seed=1, mix=DEFAULT_MIX)

    batteries = [device for device in fleet if device.kind == "battery"]

    assert len(batteries) >= 60
    assert sum(device.rated_w for device in batteries) > 2e6


def test_stops_cleanly_on_sigterm_and_keeps_state_of_charge(tmp_path):
    keep = ("--devices", "8", "--mix", "battery=1", "--state", str(tmp_path / "state.json"))
    first = start(tmp_path, *keep)
    first.ask("set", soc_pct=33)
    code = stop(first)

    second = start(tmp_path, *keep)
    states = second.ask("state")["devices"]
    stop(second)

    assert code == 0
    assert all(state["soc_pct"] == pytest.approx(33, abs=0.5) for state in states)


def test_taken_port_is_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "manage.py", "simulate", "--devices", "1", "--base-port", "0",
             "--control-port", str(port), "--fleet", str(tmp_path / "fleet.csv")],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.strip() == (
        f"CommandError: Port 127.0.0.1:{port} cannot be opened (Address already in use); "
        "choose another --base-port or --control-port."
    )
    assert not (tmp_path / "fleet.csv").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"devices": 0},
        {"feeders": 0},
        {"sun": "midnight"},
        {"sun": "7"},
        {"speed": 0},
        {"base_port": 80},
        {"base_port": 65500},
        {"mix": {"pv": 0}},
    ],
)
def test_bad_options_are_refused(options):
    with pytest.raises(SimulatorError, match=r"^.{20,}\.$"):
        run(Options(**options))


@pytest.mark.parametrize("text", ["sun=1", "pv", "pv=-1,battery=3", "pv=0", "pv=much", ""])
def test_bad_mix_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        parse_mix(text)


def test_refusal_on_the_command_line_is_one_sentence(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "derms.southbound.simulator", "--fleet", str(tmp_path / "f.csv"),
         "--sun", "midnight"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1


def test_kill_9_of_the_simulator_loses_no_acknowledged_write(tmp_path):
    simulator = start(tmp_path, "--devices", "4", "--mix", "battery=1")
    port = simulator.port(simulator.first("battery"))
    acknowledged = 0
    with wire.connected(port) as link:
        for watts in range(300):
            wire.ask(link, write_request("704.WSet", watts))
            acknowledged += 1
        simulator.process.send_signal(signal.SIGKILL)
    simulator.process.wait()
    simulator.process.stdout.close()

    assert len(simulator.lines()) == acknowledged
    again = start(tmp_path, "--devices", "4", "--mix", "battery=1")
    with wire.connected(again.port(again.first("battery"))) as link:
        wire.ask(link, write_request("704.WSet", 1))
    stop(again)
    assert [line["n"] for line in again.lines()] == list(range(1, acknowledged + 2))


def test_starts_without_django_or_database(tmp_path):
    code = (
        "import sys, derms.southbound.simulator.run, derms.southbound.simulator.client;"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in"
        " {'django', 'pymodbus', 'sunspec2', 'celery', 'psycopg'}))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert result.stdout == "[]\n"


async def test_500_devices_answer_every_poll(tmp_path):
    simulator = start(tmp_path, "--devices", "500")
    ports = [device["port"] for device in simulator.ask("list")["devices"]]
    first, count = BASE_ADDRESS + POINTS["701.ACType"].column, 125
    request = wire.frame(wire.read(first, count))
    rounds, pause_s = 3, 1.0

    async def poll(port: int, start_s: float) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(start_s)
        good = 0
        for _ in range(rounds):
            writer.write(request)
            head = await asyncio.wait_for(reader.readexactly(9), 5)
            await asyncio.wait_for(reader.readexactly(2 * count), 5)
            good += struct.unpack(">HHHBBB", head) == (7, 0, 2 * count + 3, 1, 3, 2 * count)
            await asyncio.sleep(pause_s)
        writer.close()
        await writer.wait_closed()
        return good

    before, begin = simulator.ask("stats"), time.monotonic()
    answered = await asyncio.gather(*(poll(p, i * pause_s / 500) for i, p in enumerate(ports)))
    after, took_s = simulator.ask("stats"), time.monotonic() - begin
    stop(simulator)

    assert set(answered) == {rounds}
    assert after["reads"] - before["reads"] == 500 * rounds
    print(json.dumps({
        "reads_per_s": round(500 * rounds / took_s),
        "cpu_share": round((after["cpu_s"] - before["cpu_s"]) / took_s, 3),
    }))  # fmt: skip
