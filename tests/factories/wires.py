"""A simulated fleet in a process of its own, registered as devices of this database."""

import contextlib
import csv
import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from derms.southbound.simulator.client import ask
from tests.factories.devices import make_device

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Fleet:
    """A running simulator, the devices registered for it, and its own log of writes."""

    process: subprocess.Popen[str]
    control_port: int
    log: Path
    rows: list[dict[str, str]]
    devices: list[Any] = field(default_factory=list)

    def ask(self, op: str, **request: Any) -> dict[str, Any]:
        return ask(self.control_port, {"op": op} | request)

    def writes(self) -> list[dict[str, Any]]:
        """Every write a device acknowledged, oldest first."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines() if line]

    def set_points(self) -> dict[str, float]:
        """Set point in force by device name [W]; devices on their own are left out."""
        rows = self.ask("state")["devices"]
        return {row["name"]: row["set_w"] for row in rows if row["set_enabled"]}


@contextlib.contextmanager
def running_fleet(folder: Path, *arguments: str, count: int = 20, mix: str = "battery=1"):
    """Start a simulator on free ports; end it afterwards."""
    log = folder / "writes.jsonl"
    command = [
        *(sys.executable, "-m", "derms.southbound.simulator", "--devices", str(count)),
        *("--base-port", "0", "--control-port", "0", "--mix", mix, "--log", str(log)),
        *("--fleet", str(folder / "fleet.csv"), *arguments),
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        ready = json.loads(process.stdout.readline())
        with (folder / "fleet.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        yield Fleet(process, ready["control_port"], log, rows)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
        process.stdout.close()


def register(fleet: Fleet, **more: Any) -> Fleet:
    """Register the simulated devices in the database as they describe themselves."""
    plates = ("rated_w", "rated_charge_w", "rated_va", "rated_wh")
    fleet.devices = [
        make_device(
            kind=row["kind"],
            name=row["name"],
            mrid=row["mrid"],
            protocol=row["protocol"],
            address=row["address"],
            poll_interval_s=int(row["poll_interval_s"]),
            plate={name: float(row[name] or 0) for name in plates},
            **more,
        )
        for row in fleet.rows
    ]
    return fleet
