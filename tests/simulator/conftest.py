"""A simulator in a process of its own, and one held in the test's hands."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from derms.southbound.simulator.client import ask
from derms.southbound.simulator.points import BASE_ADDRESS, POINTS
from derms.southbound.simulator.run import Options, Simulator

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Running:
    """A simulator process and where it listens."""

    process: subprocess.Popen[str]
    control_port: int
    fleet: Path
    log: Path

    def ask(self, op: str, **request: Any) -> dict[str, Any]:
        return ask(self.control_port, {"op": op} | request)

    def port(self, name: str) -> int:
        return int(self.ask("list", device=name)["devices"][0]["port"])

    def first(self, kind: str, number: int = 0) -> str:
        return str(self.ask("list", kind=kind)["devices"][number]["name"])

    def state(self, name: str) -> dict[str, Any]:
        state: dict[str, Any] = self.ask("state", device=name)["devices"][0]
        return state

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def start(folder: Path, *arguments: str) -> Running:
    fleet, log = folder / "fleet.csv", folder / "simulator.log"
    command = [
        sys.executable, "-m", "derms.southbound.simulator", "--base-port", "0",
        "--control-port", "0", "--fleet", str(fleet), "--log", str(log), *arguments,
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    return Running(process, ready["control_port"], fleet, log)


def stop(running: Running) -> int:
    running.process.send_signal(signal.SIGTERM)
    code = running.process.wait(timeout=10)
    assert running.process.stdout is not None
    running.process.stdout.close()
    return code


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    simulator = start(tmp_path_factory.mktemp("simulator"), "--devices", "60")
    yield simulator
    stop(simulator)


@pytest.fixture
def build() -> Callable[..., Simulator]:
    """Simulators without ports, stepped by hand, at a fixed time of day."""

    def make(**options: Any) -> Simulator:
        simulator = Simulator(Options(**options))
        simulator._world_s = 1_750_000_000.0
        simulator.plant.settle(simulator._world_s)
        return simulator

    return make


def write_request(key: str, value: float, factor: float = 1.0) -> bytes:
    """PDU of function 16 that sets one point."""
    point = POINTS[key]
    raw = round(value / factor).to_bytes(2 * point.width, "big", signed=value < 0)
    head = bytes((16, *(BASE_ADDRESS + point.column).to_bytes(2, "big"), 0, point.width))
    return head + bytes((len(raw),)) + raw


def control(simulator: Simulator, row: int, **points: float) -> None:
    """Write points of model 702-715 as a client does; underscores stand for dots."""
    for name, value in points.items():
        key = name.replace("_", ".").removeprefix("m")
        factor = POINTS[key].scale
        pdu = write_request(key, value, simulator.image.factors[factor][row] if factor else 1.0)
        reply = simulator.servers[row].answer(pdu)
        assert reply[0] == 16, f"{key}={value} refused with {reply.hex()}"
