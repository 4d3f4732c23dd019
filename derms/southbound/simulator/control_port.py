"""The loopback port on which tests and trainers steer the simulator: JSON lines both ways.

`{"op": "fault", "fault": "dead", "count": 10}` -> `{"ok": true, "devices": [...]}`; a bad
request gets `{"ok": false, "error": "..."}`. Described in docs/simulator.md. For `run.py`.
"""

import asyncio
import contextlib
import json
import random
import resource
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from derms.southbound.simulator.faults import check_fault
from derms.southbound.simulator.server import HOST, DeviceServer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Request = dict[str, Any]
_LINE_MAX = 2**20


class ControlPort:
    """Answers control requests for one running simulator."""

    def __init__(self, servers: list[DeviceServer], *, seed: int) -> None:
        """Prepare; `open` starts listening.

        Args:
            servers: the devices on the wire, row by row.
            seed: of the choice of random devices.
        """
        self._servers = servers
        self._by_name = {server.name: server for server in servers}
        self._plant = servers[0].bench.publisher.plant
        self._random = random.Random(seed)  # noqa: S311 - picks victims, no secret
        self._started = time.monotonic()
        self._server: asyncio.Server | None = None
        self.port = 0
        self._operations: dict[str, Callable[[Request], Coroutine[Any, Any, Request]]] = {
            "list": self._list,
            "fault": self._fault,
            "clear": self._clear,
            "state": self._state,
            "set": self._set,
            "stats": self._stats,
        }

    async def open(self, port: int) -> None:
        """Listen on loopback; raises OSError when the port is taken."""
        self._server = await asyncio.start_server(self._talk, HOST, port, limit=_LINE_MAX)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while line := await self._next_line(reader):
                writer.write(json.dumps(await self.answer(line)).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _next_line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readline()
        except ValueError:  # longer than _LINE_MAX: not somebody we talk to
            return b""

    async def answer(self, line: bytes) -> Request:
        """Carry out one request; never raises for what the request says."""
        try:
            request = json.loads(line)
            operation = self._operations.get(request.get("op"))
            if operation is not None:
                return {"ok": True} | await operation(request)
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            return {"ok": False, "error": str(error)}
        return {"ok": False, "error": f"unknown op; there are {', '.join(self._operations)}"}

    async def _list(self, request: Request) -> Request:
        return {
            "devices": [
                {
                    "name": server.name,
                    "mrid": device.mrid,
                    "kind": device.kind,
                    "feeder": device.feeder_name,
                    "port": server.port,
                    "faults": server.faults,
                }
                for server in self._chosen(request)
                for device in (self._plant.devices[server.row],)
            ]
        }

    def _chosen(self, request: Request) -> list[DeviceServer]:
        """Devices named by `device`, `devices`, `kind`, `feeder`; all when none is given."""
        names = request.get("devices") or ([request["device"]] if "device" in request else None)
        if names is not None:
            unknown = [name for name in names if name not in self._by_name]
            if unknown:
                raise ValueError(f"no device {unknown[0]!r}")
            return [self._by_name[name] for name in names]
        devices = self._plant.devices
        kind, feeder = request.get("kind"), request.get("feeder")
        return [
            server
            for server in self._servers
            if kind in (None, devices[server.row].kind)
            and feeder in (None, devices[server.row].feeder_name)
        ]

    async def _fault(self, request: Request) -> Request:
        fault = str(request.get("fault"))
        value = check_fault(fault, request.get("value"))
        servers = self._chosen(request)
        if "count" in request:
            healthy = [server for server in servers if not server.faults]
            servers = self._random.sample(healthy, min(int(request["count"]), len(healthy)))
        elif not {"device", "devices", "kind", "feeder"} & request.keys():
            raise ValueError("say which devices: device, devices, kind, feeder or count")
        for server in servers:
            await server.set_faults({**server.faults, fault: value})
        return {"devices": [server.name for server in servers]}

    async def _clear(self, request: Request) -> Request:
        fault = request.get("fault")
        cleared = [s for s in self._chosen(request) if s.faults and fault in (None, *s.faults)]
        for server in cleared:
            left = {k: v for k, v in server.faults.items() if fault is not None and k != fault}
            await server.set_faults(left)
        return {"devices": [server.name for server in cleared]}

    async def _state(self, request: Request) -> Request:
        plant, controls = self._plant, self._plant.controls
        sources = plant.sources
        rows = []
        for server in self._chosen(request):
            row = server.row
            rated_wh = float(sources.rated_wh[row])
            soc = 100.0 * float(sources.stored_wh[row]) / rated_wh if rated_wh else None
            rows.append(
                {
                    "name": server.name,
                    "kind": plant.devices[row].kind,
                    "p_w": round(float(plant.p_w[row]), 3),
                    "q_var": round(float(plant.q_var[row]), 3),
                    "soc_pct": soc,
                    "low_w": round(float(plant.low_w[row]), 3),
                    "high_w": round(float(plant.high_w[row]), 3),
                    "natural_w": round(float(plant.natural_w[row]), 3),
                    "set_enabled": bool(controls["704.WSetEna"][row]),
                    "set_w": float(controls["704.WSet"][row]),
                    "limit_enabled": bool(controls["704.WMaxLimPctEna"][row]),
                    "limit_pct": float(controls["704.WMaxLimPct"][row]),
                    "in_service": bool(plant.in_service[row] & plant.permitted[row]),
                    "faults": server.faults,
                }
            )
        return {"devices": rows}

    async def _set(self, request: Request) -> Request:
        rows = np.array([server.row for server in self._chosen(request)], np.intp)
        plant = self._plant
        if "weather" in request:
            plant.weather.factor[rows] = _bounded(request["weather"], 0.0, 1.2)
        if "soc_pct" in request:
            storage = np.intersect1d(rows, plant.sources.rows["battery"])
            share = _bounded(request["soc_pct"], 0.0, 100.0) / 100.0
            plant.sources.stored_wh[storage] = share * plant.sources.rated_wh[storage]
        if "alarm_bits" in request:
            plant.alarm_bits[rows] = _bounded(int(request["alarm_bits"]), 0, 2**31 - 1)
        return {"count": len(rows)}

    async def _stats(self, request: Request) -> Request:
        del request
        stats = self._servers[0].bench.stats
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "devices": len(self._servers),
            "faulty": sum(1 for server in self._servers if server.faults),
            "connections": sum(len(server.connections) for server in self._servers),
            "connections_made": stats.connections,
            "reads": stats.reads,
            "writes": stats.writes,
            "logged": self._servers[0].bench.log.count,
            "exceptions": stats.exceptions,
            "physics_steps": self._plant.ticks,
            "p_w": round(float(self._plant.p_w.sum()), 1),
            "uptime_s": round(time.monotonic() - self._started, 3),
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 3),
        }


def _bounded(value: float, low: float, high: float) -> float:
    if not low <= float(value) <= high:
        raise ValueError(f"{value} is not between {low:g} and {high:g}")
    return float(value)
