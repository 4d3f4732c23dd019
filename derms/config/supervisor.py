"""The supervisor behind `manage.py up`: starts every process, restarts what dies, stops all.

Each child leads a process group of its own, so Ctrl-C in the terminal reaches the supervisor
alone, and dies with it (PR_SET_PDEATHSIG), so even `kill -9` of the supervisor leaves nothing.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from derms.config.childlog import ChildLog
from derms.config.processes import Process
from derms.core import clock

_BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_STABLE_S = 60.0
_LOOP_AFTER = 4


class StartError(RuntimeError):
    """A process cannot start; the message is one clear sentence."""


def say(text: str) -> None:
    """Print one line for the person at the console."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def dies_with_us(command: tuple[str, ...]) -> list[str]:
    """Wrap a command so that the kernel ends it when the supervisor is gone.

    PostgreSQL gets its fast shutdown, everything else is killed: their durable state is in
    PostgreSQL, and a child that waits for something could wait for ever.
    """
    if shutil.which("setpriv") is None:
        return list(command)
    chosen = "INT" if "postgres" in " ".join(command[:8]) else "KILL"
    return ["setpriv", "--pdeathsig", chosen, "--", *command]


class Child:
    """One process kept alive until `stop`."""

    def __init__(self, process: Process, log: Path, environment: Mapping[str, str]) -> None:
        self.process = process
        self.ready = asyncio.Event()
        self.failures: deque[float] = deque(maxlen=_LOOP_AFTER)
        self.pid: int | None = None
        self.starts = 0
        self.started_at: str | None = None
        self._environment = environment
        self._log = ChildLog(log, lambda line: say(f"{process.name} | {line}"))
        self._running: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep the process alive."""
        self._keeper = asyncio.create_task(self._keep(), name=self.process.name)

    @property
    def last_words(self) -> str:
        """Last line the process printed."""
        return self._log.last_line

    def row(self) -> dict[str, str | int | None]:
        """Return the child in words."""
        state = "running" if self.ready.is_set() else "starting"
        if not self.ready.is_set() and self._is_looping():
            state = "failing"
        return {
            "name": self.process.name,
            "pid": self.pid,
            "state": state,
            "restarts": max(self.starts - 1, 0),
            "started_at": self.started_at,
        }

    async def stop(self) -> None:
        """End the process and its whole group; returns when nothing of it is left."""
        self._stopping = True
        running = self._running
        if running and running.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                running.send_signal(self.process.stop_with)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.wait(), self.process.grace_s)
            self._sweep(running.pid)
            await running.wait()
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._log.close()

    def kill(self) -> None:
        """End the process without asking: the second Ctrl-C."""
        self._stopping = True
        if self._running and self._running.returncode is None:
            self._sweep(self._running.pid)

    @staticmethod
    def _sweep(group: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)

    async def _keep(self) -> None:
        attempt = 0
        while not self._stopping:
            began = time.monotonic()
            status = await self._run_once()
            if self._stopping:
                return
            attempt = 0 if time.monotonic() - began > _STABLE_S else attempt + 1
            wait_s = _BACK_OFF_S[min(attempt, len(_BACK_OFF_S)) - 1] if attempt else 0.0
            self._report(status, wait_s)
            await asyncio.sleep(wait_s)

    async def _run_once(self) -> int:
        self._running = running = await asyncio.create_subprocess_exec(
            *dies_with_us(self.process.command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(self._environment),
            start_new_session=True,
            limit=2**20,
        )
        self.pid, self.starts = running.pid, self.starts + 1
        self.started_at = clock.now().isoformat()
        watch = asyncio.create_task(self._watch_port())
        try:
            await self._read(running)
            return await running.wait()
        finally:
            watch.cancel()
            self.ready.clear()
            self._sweep(running.pid)

    async def _read(self, running: asyncio.subprocess.Process) -> None:
        """Pass the output on until the process ends, even if a grandchild keeps the pipe."""
        reader = asyncio.create_task(self._copy(running))
        await running.wait()
        await asyncio.wait([reader], timeout=0.5)
        reader.cancel()

    async def _copy(self, running: asyncio.subprocess.Process) -> None:
        if running.stdout is None:
            return
        while True:
            try:
                line = await running.stdout.readline()
            except ValueError:  # a line longer than the limit: drop that part of it
                continue
            if not line:
                return
            if self.process.says_ready and line.strip() == b"ready":
                self.ready.set()
            self._log.write(line)

    async def _watch_port(self) -> None:
        if self.process.port is None:
            return
        while not await answers(self.process.port):
            await asyncio.sleep(0.05)
        self.ready.set()

    def _report(self, status: int, wait_s: float) -> None:
        self.failures.append(time.monotonic())
        how = f"signal {-status}" if status < 0 else f"status {status}: {self.last_words}"
        if self._is_looping():
            say(
                f"{self.process.name} keeps ending ({how}); next try in {wait_s:g} s, "
                f"details in {self._log.path}"
            )
        else:
            say(f"{self.process.name} ended ({how}); starting it again")

    def _is_looping(self) -> bool:
        full = len(self.failures) == _LOOP_AFTER
        return full and time.monotonic() - self.failures[0] < _STABLE_S


async def answers(port: int) -> bool:
    """Return whether something listens on the loopback port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def http_status(port: int, path: str, name: str) -> int:
    """Return the status of a GET on the loopback port; 0 when nothing answers."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
        line = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        return int(line.split()[1])
    except (OSError, IndexError, ValueError):
        return 0


class Supervisor:
    """Keeps a set of children and stops them in reverse order of their stages."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.children: dict[str, Child] = {}
        self.stopping = asyncio.Event()
        self._folder = folder
        self._environment = environment

    def listen_to_signals(self) -> None:
        """Stop on Ctrl-C, SIGTERM or a closed terminal; kill on the second one."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self.stopping.is_set():
            for child in self.children.values():
                child.kill()
        self.stopping.set()

    def start(self, processes: list[Process]) -> None:
        """Start processes at once and keep them alive."""
        for process in processes:
            log = self._folder / "log" / f"{process.name}.log"
            child = Child(process, log, self._environment)
            self.children[process.name] = child
            child.start()

    async def wait_ready(self, *names: str, timeout_s: float) -> None:
        """Wait until the named children are ready.

        Raises:
            StartError: one keeps ending, or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        for name in names:
            child = self.children[name]
            while not child.ready.is_set():
                if self.stopping.is_set():
                    raise asyncio.CancelledError
                if len(child.failures) == _LOOP_AFTER:
                    raise StartError(f"{name} cannot start: {child.last_words or 'no output'}")
                if time.monotonic() > deadline:
                    raise StartError(f"{name} was not ready within {timeout_s:g} s")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(child.ready.wait(), 0.1)

    async def run(self, name: str, command: tuple[str, ...]) -> list[str]:
        """Run a command to its end and return the lines it printed.

        Raises:
            StartError: it failed; the message holds its last line.
        """
        running = await asyncio.create_subprocess_exec(
            *dies_with_us(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(self._environment),
            start_new_session=True,
        )
        work = asyncio.create_task(running.communicate())
        stop = asyncio.create_task(self.stopping.wait())
        await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not work.done():
            running.kill()
            await work
            raise asyncio.CancelledError
        output = (await work)[0]
        (self._folder / "log" / f"{name}.log").write_bytes(output)
        lines = output.decode(errors="replace").strip().splitlines()
        if running.returncode:
            raise StartError(f"{name} failed: {lines[-1] if lines else 'no output'}")
        return lines

    async def stop(self) -> None:
        """Stop every child, highest stage first; returns when nothing is left."""
        self.stopping.set()
        for stage in sorted({c.process.stage for c in self.children.values()}, reverse=True):
            group = [c for c in self.children.values() if c.process.stage == stage]
            await asyncio.gather(*(child.stop() for child in group))

    def pids(self) -> dict[str, int | None]:
        """Return the process id of each child that is ready; None of one that is starting."""
        return {n: c.pid if c.ready.is_set() else None for n, c in self.children.items()}

    def rows(self) -> list[dict[str, str | int | None]]:
        """Return each child as the console's system page shows it."""
        return [child.row() for child in self.children.values()]
