"""Every fault as a client meets it, and as the write log records it."""

import struct
import subprocess
import sys
import time

import pytest

from derms.southbound.simulator.client import ControlError, ask
from derms.southbound.simulator.faults import FAULTS
from derms.southbound.simulator.points import BASE_ADDRESS, POINTS
from tests.simulator import wire
from tests.simulator.conftest import ROOT, write_request

MARK = wire.read(BASE_ADDRESS, 2)
GOOD = b"\x03\x04SunS"


def register(key):
    point = POINTS[key]
    return wire.read(BASE_ADDRESS + point.column, point.width)


def number(reply):
    return int.from_bytes(reply[2:], "big", signed=True)


@pytest.fixture
def victim(running):
    """Name and port of a healthy battery whose scale factors are all the plain ones."""
    name = running.first("battery", 3)
    yield name, running.port(name)
    running.ask("clear")


def test_dead_drops_and_refuses_until_cleared(running, victim):
    name, port = victim
    with wire.connected(port) as link:
        wire.ask(link, MARK)
        running.ask("fault", fault="dead", device=name)
        # Reset or end of stream, both are a dropped connection.
        with pytest.raises(ConnectionError):
            wire.ask(link, MARK)
    with pytest.raises(ConnectionRefusedError):
        wire.connected(port).__enter__()

    running.ask("clear", device=name)

    with wire.connected(port) as link:
        assert wire.ask(link, MARK) == GOOD


def test_silent_takes_connections_and_never_answers(running, victim):
    running.ask("fault", fault="silent", device=victim[0])

    with wire.connected(victim[1], timeout_s=0.5) as link, pytest.raises(TimeoutError):
        wire.ask(link, MARK)


def test_slow_answers_late_and_in_order(running, victim):
    running.ask("fault", fault="slow", device=victim[0], value=0.4)

    with wire.connected(victim[1]) as link:
        begin = time.monotonic()
        link.sendall(wire.frame(MARK, 1) + wire.frame(MARK, 2))
        answers = [wire.receive(link), wire.receive(link)]
        took_s = time.monotonic() - begin

    assert answers == [(1, GOOD), (2, GOOD)]
    assert 0.4 <= took_s < 2


def test_half_breaks_off_in_the_middle(running, victim):
    running.ask("fault", fault="half", device=victim[0])

    with wire.connected(victim[1], timeout_s=0.5) as link:
        link.sendall(wire.frame(MARK))
        got = link.recv(100)
        with pytest.raises(TimeoutError):
            link.recv(100)

    whole = wire.frame(GOOD)
    assert 0 < len(got) < len(whole)
    assert whole.startswith(got)


def test_short_is_well_framed_with_half_the_registers(running, victim):
    running.ask("fault", fault="short", device=victim[0])

    with wire.connected(victim[1]) as link:
        assert wire.ask(link, MARK) == b"\x03\x02Su"


def test_exception_answers_everything_with_its_code(running, victim):
    running.ask("fault", fault="exception", device=victim[0], value=6)

    with wire.connected(victim[1]) as link:
        assert wire.ask(link, MARK) == b"\x83\x06"
        assert wire.ask(link, write_request("704.WSetEna", 1)) == b"\x90\x06"


def test_ignore_acknowledges_drops_and_says_so_in_the_log(running, victim):
    name, port = victim
    running.ask("fault", fault="ignore", device=name)

    with wire.connected(port) as link:
        assert wire.ask(link, write_request("704.WSetEna", 1))[0] == 16
        assert number(wire.ask(link, register("704.WSetEna"))) == 0

    line = running.lines()[-1]
    assert (line["device"], line["effect"]) == (name, "ignored")
    assert not running.state(name)["set_enabled"]


def test_stuck_takes_the_set_point_but_does_not_move(running, victim):
    name, port = victim
    running.ask("fault", fault="stuck", device=name)
    before = running.state(name)["p_w"]

    with wire.connected(port) as link:
        wire.ask(link, write_request("704.WSet", -5000))
        wire.ask(link, write_request("704.WSetEna", 1))
        time.sleep(1)

    state = running.state(name)
    assert (state["set_enabled"], state["p_w"]) == (True, before)
    running.ask("clear")
    time.sleep(1)
    assert running.state(name)["p_w"] != before
    with wire.connected(port) as link:
        wire.ask(link, write_request("704.WSetEna", 0))


def test_frozen_measurements_stand_still_while_physics_goes_on(running, victim):
    name, port = victim
    running.ask("fault", fault="frozen", device=name)
    with wire.connected(port) as link:
        first = [wire.ask(link, register(key)) for key in ("701.W", "715.DERHb", "713.WHAvail")]
        before = running.state(name)["p_w"]
        wire.ask(link, write_request("704.WSet", 4000))
        wire.ask(link, write_request("704.WSetEna", 1))
        time.sleep(1.5)
        later = [wire.ask(link, register(key)) for key in ("701.W", "715.DERHb", "713.WHAvail")]
        running.ask("clear")
        time.sleep(0.5)
        thawed = wire.ask(link, register("715.DERHb"))
        wire.ask(link, write_request("704.WSetEna", 0))

    assert later == first
    assert thawed != first[1]
    assert running.state(name)["p_w"] != before


def test_drift_runs_heartbeat_and_reversion_fast(running, victim):
    name, port = victim
    running.ask("fault", fault="drift", device=name, value=10)

    with wire.connected(port) as link:
        first = number(wire.ask(link, register("715.DERHb")))
        wire.ask(link, write_request("704.WSetRvrtTms", 10))
        wire.ask(link, write_request("704.WSetEna", 1))
        time.sleep(2)
        beats = number(wire.ask(link, register("715.DERHb"))) - first
        enabled = number(wire.ask(link, register("704.WSetEna")))

    assert 15 <= beats <= 30
    assert enabled == 0


def test_trip_stops_power_raises_alarm_and_is_reset(running, victim):
    name, port = victim
    running.ask("fault", fault="trip", device=name)
    time.sleep(0.6)

    with wire.connected(port) as link:
        assert number(wire.ask(link, register("701.InvSt"))) == 6
        assert number(wire.ask(link, register("701.Alrm"))) == 1 << 7
        assert number(wire.ask(link, register("701.W"))) == 0
        wire.ask(link, write_request("715.AlarmReset", 1))
        time.sleep(0.6)
        assert number(wire.ask(link, register("701.Alrm"))) == 0

    assert running.state(name)["faults"] == {}


def test_local_refuses_writes_and_says_local(running, victim):
    running.ask("fault", fault="local", device=victim[0])
    time.sleep(0.6)

    with wire.connected(victim[1]) as link:
        assert wire.ask(link, write_request("704.WSetEna", 1)) == b"\x90\x04"
        assert number(wire.ask(link, register("715.LocRemCtl"))) == 1


def test_random_devices_get_the_fault_and_clear_heals_all(running):
    hit = running.ask("fault", fault="dead", count=5, kind="pv")["devices"]

    again = running.ask("fault", fault="slow", count=1000, kind="pv")["devices"]

    listed = {d["name"]: d for d in running.ask("list")["devices"]}
    assert len(set(hit)) == 5
    assert not set(hit) & set(again)
    assert all(listed[name]["kind"] == "pv" and "dead" in listed[name]["faults"] for name in hit)
    assert running.ask("stats")["faulty"] == len(hit) + len(again)
    running.ask("clear")
    assert running.ask("stats")["faulty"] == 0


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b'{"op": "destroy"}',
        b'{"op": ["list"]}',
        b'{"op": "fault", "fault": "dead"}',
        b'{"op": "fault", "fault": "sleepy", "count": 1}',
        b'{"op": "fault", "fault": "slow", "count": 1, "value": -1}',
        b'{"op": "fault", "fault": "dead", "device": "NOWHERE"}',
        b'{"op": "set", "weather": 7}',
        b'{"op": "set", "soc_pct": "much"}',
    ],
)
def test_bad_control_request_is_refused_and_the_next_one_works(running, line):
    with wire.connected(running.control_port) as link, link.makefile("rb") as answers:
        link.sendall(line + b"\n" + b'{"op": "stats"}\n')
        refusal, stats = answers.readline(), answers.readline()

    assert refusal.startswith(b'{"ok": false, "error": "')
    assert b'"ok": true' in stats
    assert b'"faulty": 0' in stats


def test_weather_and_state_of_charge_can_be_set(running):
    name = running.first("battery")
    pv = running.first("pv")

    running.ask("set", device=name, soc_pct=80)
    running.ask("set", device=pv, weather=0)
    time.sleep(0.6)

    assert running.state(name)["soc_pct"] == pytest.approx(80, abs=0.5)
    assert running.state(pv)["p_w"] == 0
    running.ask("set", weather=1)


def test_command_gives_and_clears_faults(running):
    def command(*arguments):
        return subprocess.run(
            [sys.executable, "manage.py", "simulate_fault", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    port = str(running.control_port)
    given = command("slow", "--count", "2", "--value", "0.1", "--control-port", port)
    faulty = running.ask("stats")["faulty"]
    cleared = command("clear", "--control-port", port)
    refused = command("slow", "--device", "NOWHERE", "--control-port", port)

    assert (given.returncode, faulty, cleared.returncode) == (0, 2, 0)
    assert given.stdout.startswith("slow: 2 devices ")
    assert running.ask("stats")["faulty"] == 0
    assert refused.returncode == 1
    assert "no device 'NOWHERE'" in refused.stderr


def test_asking_nobody_is_one_sentence():
    with pytest.raises(ControlError, match="No simulator answers on port 1:"):
        ask(1, {"op": "stats"})


def test_every_fault_is_documented():
    text = (ROOT / "docs" / "simulator.md").read_text()

    assert all(f"`{name}`" in text for name in FAULTS)


def test_log_has_every_acknowledged_write_in_order(running):
    name = running.first("battery", 4)
    before = running.lines()
    with wire.connected(running.port(name)) as link:
        for watts in range(-2000, 2000, 100):
            wire.ask(link, write_request("704.WSet", watts))
        wire.ask(link, write_request("704.WMaxLimPct", 3000))  # refused: not in the log

    lines = running.lines()[len(before) :]

    assert [line["n"] for line in running.lines()] == list(range(1, len(running.lines()) + 1))
    assert {line["device"] for line in lines} == {name}
    column = BASE_ADDRESS + POINTS["704.WSet"].column
    assert {(line["unit"], line["address"], line["effect"]) for line in lines} == {
        (1, column, "applied")
    }
    written = [struct.unpack(">i", struct.pack(">HH", *line["registers"]))[0] for line in lines]
    assert written == list(range(-2000, 2000, 100))
    factor = lines[1]["decoded"]["704.WSet"] / written[1]
    assert factor in (0.1, 1, 10)
    assert [line["decoded"]["704.WSet"] for line in lines] == [w * factor for w in written]
    assert running.ask("stats")["logged"] == running.lines()[-1]["n"]
