"""Puts the simulator together and runs it until it is told to stop.

For the commands `simulate` and `python -m derms.southbound.simulator`. No Django here.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from derms.southbound.simulator.control_port import ControlPort
from derms.southbound.simulator.controls import Controls
from derms.southbound.simulator.fleet import (
    DEFAULT_MIX,
    KINDS,
    SimDevice,
    build_fleet,
    build_sandbox,
    write_csv,
)
from derms.southbound.simulator.image import Image
from derms.southbound.simulator.plant import Plant
from derms.southbound.simulator.publish import Publisher, put_nameplate
from derms.southbound.simulator.server import HOST, UNIT, Bench, DeviceServer
from derms.southbound.simulator.weather import Weather
from derms.southbound.simulator.write_log import WriteLog

STEP_S = 0.25
_LONGEST_STEP_S = 1.0


class SimulatorError(Exception):
    """The simulator cannot run as asked; the message is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run; field by field as `add_arguments` describes."""

    devices: int = 240
    sandbox: int = 0
    base_port: int = 15000
    control_port: int = 14999
    fleet: Path | None = None
    log: Path | None = None
    state: Path | None = None
    seed: int = 1
    mix: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_MIX))
    feeders: int = 8
    poll_interval_s: int = 2
    sun: str = "auto"
    latitude: float = 40.0
    longitude: float = 0.0
    speed: float = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("--devices", type=int, default=240, help="how many devices (240)")
    add("--sandbox", type=int, default=0, help="how many of them are the sandbox utility's (0)")
    add("--base-port", type=int, default=15000, help="port of the first device; 0: system's choice")
    add("--control-port", type=int, default=14999, help="port for faults and state; 0: any")
    add("--fleet", type=Path, default=Path("var/fleet.csv"), help="CSV written for the import")
    add("--log", type=Path, help="JSON lines of every acknowledged write")
    add("--state", type=Path, help="keeps states of charge over a restart")
    add("--seed", type=int, default=1, help="same seed, same fleet (1)")
    add("--mix", type=parse_mix, default=dict(DEFAULT_MIX), help="pv=0.5,battery=0.3,...")
    add("--feeders", type=int, default=8, help="feeders the devices hang on (8)")
    add("--poll-interval", type=int, default=2, dest="poll_interval_s", help="in the CSV [s] (2)")
    add("--sun", default="auto", help="auto (always day), clear-sky (by time and place), or 0..1")
    add("--latitude", type=float, default=40.0, help="for --sun clear-sky, north positive")
    add("--longitude", type=float, default=0.0, help="for --sun clear-sky, east positive")
    add("--speed", type=float, default=1.0, help="simulated seconds per second, weather and energy")


def parse_mix(text: str) -> dict[str, float]:
    """Read `pv=0.5,battery=0.25`; raises argparse.ArgumentTypeError."""
    try:
        mix = {kind: float(share) for kind, share in (part.split("=") for part in text.split(","))}
    except ValueError:
        raise argparse.ArgumentTypeError("write a mix as pv=0.5,battery=0.25") from None
    unknown = set(mix) - set(KINDS)
    if unknown or sum(mix.values()) <= 0 or min(mix.values()) < 0:
        raise argparse.ArgumentTypeError(f"a mix gives shares >= 0 of {', '.join(KINDS)}")
    return mix


class Simulator:
    """A fleet on the wire. `async with Simulator(options):` opens and closes all ports."""

    def __init__(self, options: Options) -> None:
        """Build devices and physics; no port is opened yet."""
        self.options = options
        self.devices: list[SimDevice] = build_fleet(
            count=options.devices - options.sandbox,
            seed=options.seed,
            mix=options.mix,
            feeders=options.feeders,
        ) + build_sandbox(count=options.sandbox, seed=options.seed)
        self.image = Image(np.array([d.kind == "battery" for d in self.devices]))
        self.controls = Controls(self.image, len(self.devices))
        put_nameplate(self.image, self.controls, self.devices)
        weather = Weather(
            feeder=np.array([float(d.feeder) for d in self.devices]),
            seed=options.seed,
            sun=options.sun,
            latitude_deg=options.latitude,
            longitude_deg=options.longitude,
        )
        self.plant = Plant(self.devices, self.controls, weather, seed=options.seed)
        self.publisher = Publisher(self.image, self.plant)
        bench = Bench(self.image, self.controls, self.publisher, WriteLog(options.log))
        self.log = bench.log
        self.servers = [DeviceServer(bench, row, d.name) for row, d in enumerate(self.devices)]
        self.control = ControlPort(self.servers, seed=options.seed)
        self._stepper: asyncio.Task[None] | None = None
        self._world_s = time.time()

    async def __aenter__(self) -> "Simulator":
        """Open all ports and start the physics.

        Raises:
            SimulatorError: a port is taken.
        """
        _allow_sockets(2 * len(self.devices) + 100)
        self._load_state()
        self.plant.settle(self._world_s)
        try:
            for server in self.servers:
                base = self.options.base_port
                await _open(server, base + server.row if base else 0)
            await _open(self.control, self.options.control_port)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        if self.options.fleet is not None:
            addresses = [f"{HOST}:{server.port}/{UNIT}" for server in self.servers]
            write_csv(self.options.fleet, self.devices, addresses, self.options.poll_interval_s)
        self._stepper = asyncio.create_task(self._run_physics())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop the physics, close all ports, keep the state."""
        if self._stepper is not None:
            self._stepper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._stepper
            self._save_state()
        self.control.close()
        for server in self.servers:
            server.close()
        self.log.close()
        # Aborted transports say goodbye in the next turn of the loop.
        await asyncio.sleep(0)

    async def _run_physics(self) -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(STEP_S)
            now = time.monotonic()
            # A stalled process catches up in bounded steps, and gives up what is too old.
            rest_s, last = min(now - last, 60.0), now
            while rest_s > 0:
                step_s = min(rest_s, _LONGEST_STEP_S)
                self.step(step_s)
                rest_s -= step_s

    def step(self, real_s: float) -> None:
        """Move physics on by real_s seconds of real time."""
        self._world_s += real_s * self.options.speed
        self.plant.step(at_s=self._world_s, real_s=real_s, speed=self.options.speed)

    def _load_state(self) -> None:
        path = self.options.state
        if path is None or not path.exists():
            return
        kept = json.loads(path.read_text())
        sources = self.plant.sources
        for row in sources.rows["battery"]:
            share = kept.get(self.devices[row].mrid)
            if share is not None:
                sources.stored_wh[row] = share * sources.rated_wh[row]

    def _save_state(self) -> None:
        path = self.options.state
        if path is None:
            return
        sources = self.plant.sources
        shares = {
            self.devices[row].mrid: float(sources.stored_wh[row] / sources.rated_wh[row])
            for row in sources.rows["battery"]
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f"{path.suffix}.{os.getpid()}")
        fresh.write_text(json.dumps(shares))
        fresh.replace(path)


async def _open(server: DeviceServer | ControlPort, port: int) -> None:
    try:
        await server.open(port)
    except OSError as error:
        raise SimulatorError(
            f"Port {HOST}:{port} cannot be opened ({os.strerror(error.errno or 0)}); "
            "choose another --base-port or --control-port."
        ) from None


def _allow_sockets(count: int) -> None:
    """Raise this process's own limit of open files as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and count > hard:
        raise SimulatorError(f"{count} sockets are needed, the system allows {hard}.")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


async def _serve(options: Options) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Simulator(options) as simulator:
        ready = {
            "ready": True,
            "devices": len(simulator.devices),
            "ports": [simulator.servers[0].port, simulator.servers[-1].port],
            "control_port": simulator.control.port,
            "fleet": str(options.fleet) if options.fleet else None,
            "log": str(options.log) if options.log else None,
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        await stop.wait()


def run(options: Options) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        SimulatorError: it cannot start as asked.
    """
    if options.devices < 1 or options.feeders < 1 or options.speed <= 0:
        raise SimulatorError("--devices, --feeders and --speed must be positive.")
    if not 0 <= options.sandbox <= options.devices:
        raise SimulatorError("--sandbox is at most --devices.")
    if options.base_port and not 1024 <= options.base_port <= 65536 - options.devices:
        raise SimulatorError("--base-port leaves no room for all devices below port 65536.")
    try:
        asyncio.run(_serve(options))
    except ValueError as error:
        raise SimulatorError(f"{error}.") from error
