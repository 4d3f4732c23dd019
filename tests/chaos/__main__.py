"""Kill test of the command journal: `python -m tests.chaos --kills 200 --seed 1`.

Queues revision after revision for a fleet while processes die by SIGKILL, as a dispatch would:
what failed gets a new revision. Then everything is left to settle, and the devices' own log is
compared with the journal. Prints one JSON line; exit status 0 only when every promise held.
"""

import argparse
import csv
import datetime as dt
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from tests.chaos import oracle
from tests.chaos.world import ROOT, World, wait_for

DEVICES = 40
PERIOD_S = 0.6
VICTIMS = {"worker-a": 4, "worker-b": 4, "valkey": 2, "postgres": 2, "simulator": 2, "beat": 1}
FAILPOINTS = ",".join(
    f"southbound.{name}=kill@{chance}"
    for name, chance in (
        ("claimed", 0.01), ("sending", 0.001), ("answered", 0.001), ("sent", 0.01),
        ("stored", 0.005),
    )
)  # fmt: skip


class Run:
    """One kill test in this process, which plays the dispatching room."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.origin = uuid.uuid4()
        self.revision = 0
        self.promised: dict[int, int] = {}
        self.kills = 0
        self.stalls = 0
        self.ids: list[int] = []
        self.names: dict[int, str] = {}

    def prepare(self) -> None:
        from tests.factories.devices import make_device

        with self.world.fleet_csv.open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            plate = {name: float(row[name]) for name in ("rated_w", "rated_charge_w", "rated_va")}
            device = make_device(
                kind=row["kind"], name=row["name"], mrid=row["mrid"], protocol=row["protocol"],
                address=row["address"], poll_interval_s=5, plate=plate,
            )  # fmt: skip
            self.ids.append(device.id)
            self.names[device.id] = row["name"]

    def queue(self, ids: list[int]) -> bool:
        """Queue the next revision; False when nobody knows whether it was committed."""
        import numpy as np
        import psycopg
        from django.db import DatabaseError, connection

        from derms.core import clock
        from derms.core.actors import SYSTEM
        from derms.southbound import services
        from derms.southbound.contract import CommandKind

        self.revision += 1
        try:
            count = services.queue_commands(
                origin=self.origin,
                revision=self.revision,
                kind=CommandKind.SET_ACTIVE_POWER,
                device_ids=np.array(ids),
                values=np.full(len(ids), oracle.value_of(self.revision)),
                valid_until=clock.now() + dt.timedelta(seconds=30),
                reversion_s=600,
                actor=SYSTEM,
            )
        except (DatabaseError, psycopg.Error):
            connection.close()
            return False
        self.promised[self.revision] = count
        return True

    def latest(self) -> dict[int, str] | None:
        """State of the newest command per device; None while the database is away."""
        import psycopg
        from django.db import DatabaseError, connection

        from derms.southbound import selectors
        from derms.southbound.contract import CommandState

        try:
            found = selectors.latest_commands(self.origin)
        except (DatabaseError, psycopg.Error):
            connection.close()
            return None
        states = [CommandState(state).name.lower() for state in found.state.tolist()]
        return dict(zip(found.device_id.tolist(), states, strict=True))

    def torment(self, kills: int, report: TextIO) -> None:
        """Queue and kill until enough processes have died."""
        names, weights = zip(*VICTIMS.items(), strict=True)
        next_kill = self._next_kill()
        while self.kills < kills:
            begun = time.monotonic()
            share = self.random.choice((1.0, 1.0, 0.5, 0.1))
            count = max(1, int(share * len(self.ids)))
            report.write(f"{time.time():.1f} {self.kills} kills, revision {self.revision}\n")
            self.queue(sorted(self.random.sample(self.ids, count)))
            while time.monotonic() - begun < PERIOD_S:
                if next(next_kill):
                    self._strike(self.random.choices(names, weights)[0])
                self.kills += len(self.world.revive())
                time.sleep(0.05)

    def _strike(self, name: str) -> None:
        # A worker frozen for longer than its lease must not go on sending when it wakes up.
        if name.startswith("worker") and self.random.random() < 0.25:
            self.stalls += 1
            self.world.stall(name, self.random.uniform(2, 5))
        else:
            self.world.kill(name)

    def _next_kill(self) -> Iterator[bool]:
        """Say when: once work is going on again, after a moment; at the latest after a while."""
        while True:
            size, begun = self.world.write_log.stat().st_size, time.monotonic()
            while self.world.write_log.stat().st_size == size and time.monotonic() < begun + 8:
                yield False
            ripe = time.monotonic() + self.random.uniform(0, 1.5)
            while time.monotonic() < ripe:
                yield False
            yield True

    def settle(self, timeout_s: float = 90) -> bool:
        """Stop killing; give every device a last command that must arrive."""
        wait_for(lambda: self.queue(self.ids), 30)
        failing = {"failed", "expired", "rejected"}

        def all_active() -> bool:
            self.kills += len(self.world.revive())
            states = self.latest()
            if states is None:
                return False
            again = [device for device, state in states.items() if state in failing]
            if again:
                self.queue(again)
            time.sleep(0.3)
            return not again and set(states.values()) == {"active"} and len(states) == len(self.ids)

        done = wait_for(all_active, timeout_s)
        # Rows of earlier revisions may still be read back.
        wait_for(lambda: not any(r.state in ("unknown", "leased") for r in self.rows()), 20)
        return done

    def rows(self) -> list[oracle.Row]:
        from derms.southbound import selectors
        from derms.southbound.contract import CommandState

        return [
            oracle.Row(
                device=self.names[row.device_id],
                revision=row.revision,
                state=CommandState(row.state).name.lower(),
                code=row.protocol_code,
                detail=row.detail,
                settled_at_s=row.settled_at.timestamp() if row.settled_at else None,
            )
            for row in selectors.list_commands(origin=self.origin)
        ]

    def judge(self, settled: bool) -> dict[str, Any]:
        rows, writes = self.rows(), oracle.read_writes(self.world.write_log)
        found = oracle.violations(
            rows,
            writes,
            promised=self.promised,
            reboots=self.world.members["simulator"].deaths,
        )
        if not settled:
            found.append("the last commands did not all become active")
        last = {write.device: write.revision for write in writes}
        newest: dict[str, int] = {}
        for row in rows:
            newest[row.device] = max(newest.get(row.device, 0), row.revision)
        found += [
            f"{d} ends at r{last.get(d)}, not r{r}" for d, r in newest.items() if last.get(d) != r
        ]
        states: dict[str, int] = {}
        for row in rows:
            states[row.state] = states.get(row.state, 0) + 1
        return {
            "kills": self.kills,
            "stalls": self.stalls,
            "deaths": {name: len(m.deaths) for name, m in self.world.members.items()},
            "revisions": self.revision,
            "commands": len(rows),
            "writes": len(writes),
            "states": states,
            "violations": found[:20],
            "violation_count": len(found),
        }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="derms-chaos-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        world = World(folder, devices=DEVICES, failpoints=FAILPOINTS)
        begun = time.monotonic()
        # Ended from outside, it takes its processes along.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
        try:
            world.start_servers()
            world.apply_environment()
            migrate = [sys.executable, "manage.py", "migrate", "-v", "0", "--skip-checks"]
            subprocess.run(migrate, cwd=ROOT, check=True)
            import django

            django.setup()
            run = Run(world, options.seed)
            report = (folder / "progress.txt").open("w", buffering=1)
            run.prepare()
            world.start_workers()
            run.torment(options.kills, report)
            result = run.judge(run.settle())
        finally:
            world.stop()
    result["seconds"] = round(time.monotonic() - begun, 1)
    print(json.dumps(result))
    return 1 if result["violation_count"] else 0


if __name__ == "__main__":
    sys.exit(main())
