"""The supervisor's parts, each with real files, sockets and processes."""

import asyncio
import json
import socket
import subprocess
import sys

import pytest

from derms.config import embedded, preflight, runfile
from derms.config.childlog import ChildLog, important
from derms.config.processes import Process
from derms.config.supervisor import StartError, Supervisor


def test_log_keeps_all_lines_rotates_and_shows_errors_only(tmp_path):
    shown = []
    log = ChildLog(tmp_path / "web.log", shown.append)
    error = {"level": "error", "event": "no\nway", "exception": "Traceback\n  x\nKeyError: 'a'"}
    routine = b"x" * 1023 + b"\n"

    log.write(json.dumps(error).encode() + b"\n")
    log.write(b'{"level": "info", "event": "fine"}\n')
    log.write(b"2026-01-01 UTC [7] FATAL:  no\n")
    for _ in range(6 * 1024):
        log.write(routine)
    log.close()

    assert shown == ["no KeyError: 'a'", "2026-01-01 UTC [7] FATAL:  no"]
    assert log.last_line == "x" * 1023
    assert (tmp_path / "web.log.1").stat().st_size > 5 * 2**20
    assert (tmp_path / "web.log").stat().st_size < 2 * 2**20


def test_log_of_a_crash_loop_does_not_flood_the_console(tmp_path):
    shown = []
    log = ChildLog(tmp_path / "web.log", shown.append)

    for _ in range(1000):
        log.write(b"ERROR again\n")
    log.close()

    assert len(shown) == 5
    assert (tmp_path / "web.log").read_bytes().count(b"again") == 1000


@pytest.mark.parametrize("line", ["", "{broken", '{"level": "warning"}', "plain words"])
def test_routine_lines_are_not_important(line):
    assert important(line) == ""


def _run(folder, process, scenario):
    async def main():
        (folder / "log").mkdir(exist_ok=True)
        supervisor = Supervisor(folder, {"PATH": "/usr/bin:/bin"})
        supervisor.start([process])
        try:
            return await scenario(supervisor)
        finally:
            await supervisor.stop()

    return asyncio.run(main())


def test_a_crash_loop_is_reported_with_its_last_words(tmp_path, capsys):
    loop = Process("loop", (sys.executable, "-c", "raise SystemExit('out of luck')"), 0, port=1)

    async def scenario(supervisor):
        await supervisor.wait_ready("loop", timeout_s=20)

    with pytest.raises(StartError, match="loop cannot start: out of luck"):
        _run(tmp_path, loop, scenario)
    assert "loop keeps ending (status 1: out of luck); next try in" in capsys.readouterr().out


def test_a_child_that_ignores_the_signal_is_killed_with_its_whole_group(tmp_path):
    script = "trap '' TERM; sleep 987 & echo ready; wait; sleep 987"
    deaf = Process("deaf", ("sh", "-c", script), 0, says_ready=True, grace_s=0.5)

    async def scenario(supervisor):
        await supervisor.wait_ready("deaf", timeout_s=10)

    _run(tmp_path, deaf, scenario)

    left = subprocess.run(["pgrep", "-f", "sleep 987"], capture_output=True, check=False)
    assert left.stdout == b""


def test_a_very_long_line_does_not_stop_the_reading(tmp_path):
    script = "print('x' * 3_000_000); print('ready', flush=True); import time; time.sleep(60)"
    wordy = Process("wordy", (sys.executable, "-c", script), 0, says_ready=True)

    async def scenario(supervisor):
        await supervisor.wait_ready("wordy", timeout_s=10)
        return True

    assert _run(tmp_path, wordy, scenario)


def test_the_lock_is_held_once_and_ends_with_its_holder(tmp_path):
    held = runfile.lock_file(tmp_path)

    with pytest.raises(runfile.AlreadyRunningError, match="already runs here"):
        runfile.lock_file(tmp_path)
    held.close()
    runfile.lock_file(tmp_path).close()


def test_private_files_are_replaced_whole_and_readable_by_the_owner_only(tmp_path):
    path = tmp_path / "secret.json"

    runfile.write_private(path, {"a": 1})
    runfile.write_private(path, {"a": 2})

    assert runfile.read_json(path) == {"a": 2}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["1\n/some/where\n", "99999999\n", "nonsense"])
def test_a_stale_postgres_lock_is_dropped(tmp_path, content):
    (tmp_path / "postmaster.pid").write_text(content)

    preflight.drop_stale_postgres_lock(tmp_path)

    assert not (tmp_path / "postmaster.pid").exists()


def test_the_lock_of_a_running_postgres_is_kept(tmp_path):
    data = tmp_path / "postgres"
    embedded.init_postgres(data)
    port = embedded.free_port()
    server = subprocess.Popen(
        embedded.postgres_command(data, port, {"fsync": "off"}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=embedded.server_environment(),
    )
    try:
        embedded.wait_for_port(port, timeout_s=20, process=server)

        preflight.drop_stale_postgres_lock(data)

        assert (data / "postmaster.pid").exists()
    finally:
        server.send_signal(2)
        server.wait(20)


def test_an_internal_port_gives_way_and_a_row_of_ports_is_free():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert preflight.internal_port(port) != port
        first = preflight.internal_port(port - 1, 5)
        assert port not in range(first, first + 5)
