"""Real devices for each protocol, for the contract test. A new driver adds its bench here."""

import json
from contextlib import asynccontextmanager

from derms.southbound.contract import Target
from derms.southbound.simulator.run import Options, Simulator


class SunSpecBench:
    """A simulated SunSpec fleet on TCP; codec, framing and register map are its own."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._names = [server.name for server in simulator.servers]

    def targets(self):
        return [
            Target(row, f"127.0.0.1:{server.port}/1")
            for row, server in enumerate(self.simulator.servers)
        ]

    def battery(self):
        """A storage device and a set point it can take [W]."""
        row = next(i for i, d in enumerate(self.simulator.devices) if d.kind == "battery")
        return self.targets()[row], round(self.simulator.devices[row].rated_w / 4, -2)

    def truth(self):
        plant = self.simulator.plant
        return [{"p_w": float(plant.p_w[row])} for row in range(len(self._names))]

    def built(self):
        return [
            {"rated_w": d.rated_w, "rated_wh": d.rated_wh, "serial": d.serial}
            for d in self.simulator.devices
        ]

    def set_point(self, target):
        """Set point in force at the device [W]; None when it runs on its own."""
        controls, row = self.simulator.controls, target.device_id
        enabled = bool(controls["704.WSetEna"][row])
        return float(controls["704.WSet"][row]) if enabled else None

    def permitted(self, target):
        return bool(self.simulator.controls["703.ES"][target.device_id])

    def writes(self, target):
        """How many writes the device has put on record."""
        path = self.simulator.options.log
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return sum(line["device"] == self._names[target.device_id] for line in lines)

    async def fault(self, target, fault):
        await self.simulator.servers[target.device_id].set_faults(
            {fault: 6.0 if fault == "exception" else 0.0}
        )

    async def heal(self):
        for server in self.simulator.servers:
            await server.set_faults({})


@asynccontextmanager
async def sunspec(tmp_path):
    options = Options(
        devices=12,
        base_port=0,
        control_port=0,
        fleet=None,
        log=tmp_path / "writes.jsonl",
        sun="0.8",
        mix={"pv": 1, "battery": 1, "load": 1, "genset": 1},
    )
    async with Simulator(options) as simulator:
        yield SunSpecBench(simulator)


BENCHES = {"sunspec-modbus": sunspec}
