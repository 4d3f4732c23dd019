"""`manage.py up` with real processes: it starts, survives, refuses and stops."""

import os
import signal
import socket
import stat
import subprocess

import pytest

from tests.runtime.system import System, credentials, run_up, wait_until

CHILDREN = (
    "postgres", "valkey", "simulator", "web", "sockets", "southbound", "status", "dispatch",
    "core", "push", "beat",
)  # fmt: skip


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    with System(tmp_path_factory.mktemp("up")) as system:
        yield system.start()


@pytest.fixture
def own(tmp_path):
    """A system a test may end as it likes."""
    with System(tmp_path / "var") as system:
        yield system


@pytest.mark.timeout(200)
def test_starts_every_process_and_answers(system):
    assert set(system.state["pids"]) == set(CHILDREN)
    assert system.is_ready()
    counted = 'derms_task_seconds_count{state="SUCCESS",task="groups.tasks.refresh_statuses"}'
    assert wait_until(lambda: counted in system.get("/metrics")[1])


def test_prints_address_and_credentials_kept_for_the_owner_only(system):
    kept = credentials(system)
    path = system.folder / "credentials.json"

    assert f"http://127.0.0.1:{system.port}" in system.output
    assert len(kept["users"]) == 8
    assert all(user["password"] in system.output for user in kept["users"])
    assert kept["dms"]["secret"] in system.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((system.folder / "secret_key").stat().st_mode) == 0o600


@pytest.mark.parametrize("names", [CHILDREN[:1], CHILDREN[1:2], CHILDREN[2:5], CHILDREN[5:]])
def test_restarts_what_is_killed(system, names):
    before = {name: system.pid(name) for name in names}

    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    for name in names:
        assert wait_until(lambda name=name: system.pid(name) not in {None, before[name]}), name
        assert f"{name} ended (signal 9); starting it again" in system.output
        assert [p["restarts"] for p in system.state["processes"] if p["name"] == name] == [1]
    assert wait_until(system.is_ready)


def test_refuses_a_second_instance_in_one_sentence(system):
    second = run_up(system.environment)

    assert second.returncode == 1
    assert second.stderr.strip().splitlines() == [
        f"CommandError: DERMS already runs here at http://127.0.0.1:{system.port} "
        f"(process {system.process.pid}): stop that one first, "
        "or give this one its own DERMS_VAR_DIR and DERMS_PORT."
    ]


def test_refuses_a_busy_port_in_one_sentence(tmp_path):
    other = System(tmp_path)
    with socket.create_server(("127.0.0.1", other.port)):
        refused = run_up(other.environment)

    assert refused.returncode == 1
    assert refused.stderr.strip().splitlines() == [
        f"CommandError: Port {other.port} is taken by another program: stop it, or choose "
        f"another port with DERMS_PORT={other.port + 1000}."
    ]
    assert not other.processes()


def test_refuses_a_full_disk_in_one_sentence(tmp_path):
    other = System(tmp_path / "var")
    other.folder.mkdir()
    mount = f"mount -t tmpfs -o size=512k tmpfs {other.folder}"
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*namespace, mount], check=False, capture_output=True).returncode:
        pytest.skip("this machine allows no mount in a user namespace")

    refused = run_up(other.environment, [*namespace, f'{mount} && exec "$@"', "sh"])

    assert refused.returncode == 1
    assert refused.stderr.strip().splitlines() == [
        f"CommandError: The disk of {other.folder} has only 0 MB left; DERMS needs 300 MB to start."
    ]


def test_refuses_a_folder_it_cannot_write_in_one_sentence(tmp_path):
    other = System(tmp_path / "file" / "var")
    (tmp_path / "file").write_text("not a folder")

    refused = run_up(other.environment)

    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.timeout(500)
def test_leaves_nothing_whether_killed_or_stopped(own):
    system = own.start()
    first_passwords = credentials(system)

    # A supervisor that is killed cannot clean up; the kernel does.
    system.send(signal.SIGKILL)
    assert wait_until(lambda: not system.processes()), system.processes()

    # The next start finds the data, the stale locks, and the same passwords.
    system.start()
    assert credentials(system) == first_passwords

    assert system.send(signal.SIGINT) == 0
    assert not system.processes()
    assert "nothing is left running" in system.output


def test_a_second_interrupt_kills_at_once(own):
    own.launch()
    assert wait_until(lambda: "PostgreSQL, Valkey, simulator" in own.output, 60)

    own.process.send_signal(signal.SIGINT)
    own.send(signal.SIGINT)

    assert not own.processes()
    assert "starting it again" not in own.output
