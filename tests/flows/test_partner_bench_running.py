"""The bench of a running system: the command in a shell, killed processes, partners at once."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from derms.config import runfile
from tests.conformance.dms import Person
from tests.partner.client import Listener
from tests.partner.integrator import Integrator
from tests.partner.zeep_integrator import ZeepIntegrator
from tests.runtime.system import System, credentials, wait_until

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A DERMS of its own whose new clients start in the sandbox."""
    with System(tmp_path_factory.mktemp("bench") / "var") as system:
        yield system.start()


class Office:
    """The people of the utility who make partners known."""

    def __init__(self, system):
        self.address = system.state["address"]
        people = {user["username"]: user["password"] for user in credentials(system)["users"]}
        self.admin = Person(self.address, "admin", people["admin"])
        self.engineer = Person(self.address, "engineer", people["engineer"])

    def client(self, login, listener=None, role="dms"):
        """Make an API client, with an endpoint where a listener is given; returns its secret."""
        kind = {"dms": "utility"}.get(role, role)
        owners = self.admin.ask("GET", "organisations")["results"]
        # The Sandbox utility owns devices, not partners.
        owner = next(o for o in owners if o["kind"] == kind and o["name"] != "Sandbox utility")
        made = self.admin.ask("POST", "api-clients", {
            "client_id": login, "name": login, "organisation": owner["mrid"], "roles": [role],
        })  # fmt: skip
        assert made["stage"] == "sandbox"
        if listener:
            self.engineer.ask("POST", "partners", {
                "client_id": login, "name": login, "base_url": listener.url, "auth": "none",
            })  # fmt: skip
        return made["secret"]


@pytest.fixture(scope="module")
def office(running):
    return Office(running)


def command(system, *arguments, **more):
    """Start `manage.py partner_test` in a shell of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(runfile.ROOT / "manage.py"), "partner_test",
         *arguments],
        env=system.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def differences(run):
    return {s["key"]: s["difference"] for s in run["steps"] if s["difference"]}


def kill(system, name):
    """SIGKILL a process and wait until the supervisor has another one; returns its number."""
    pid = system.pid(name)
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: system.pid(name) not in (None, pid), 30), name
    return pid


def test_a_run_outlives_its_web_and_worker_processes(running, office, tmp_path):
    killed = []

    def at(key):
        victim = {"duplicate": "core", "status": "web", "dispatch": "core"}.get(key)
        if victim:
            killed.append(kill(running, victim))

    with Listener(schemas="") as listener:
        secret = office.client("killed", listener)
        report = tmp_path / "run.html"
        shell = command(running, "--client", "killed", "--json", "--report", str(report))
        integrator = Integrator(office.address, "killed", secret)
        integrator.find()
        run = integrator.follow(at=at)
        out, said = shell.communicate(timeout=60)

    assert len(killed) == 3
    assert differences(run) == {}
    assert run["state"] == "passed"
    assert shell.returncode == 0, said
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["state"] for line in lines] == ["passed"] * (len(run["steps"]) + 1)
    assert lines[-1]["run"] == run["mrid"]
    assert abs(lines[-1]["clock_drift_s"]) < 2
    assert run["mrid"] in report.read_text()


def test_a_killed_command_leaves_its_run_going_and_finds_it_again(running, office):
    secret = office.client("shell")
    shell = command(running, "--client", "shell", "--scenario", "dms-requests")
    integrator = Integrator(office.address, "shell", secret)
    integrator.find()
    integrator.act()
    shell.kill()
    shell.communicate()
    for _ in range(3):
        wait_until(integrator.act, 20)

    again = command(running, "--client", "shell")
    run = integrator.follow()
    out, said = again.communicate(timeout=60)

    assert differences(run) == {}
    assert again.returncode == 0, said
    assert f"Run {run['mrid']}: dms-requests of shell" in out
    assert "The run has passed." in out


def test_exit_status_of_the_command(running, office):
    office.client("silent")

    failed = command(
        running, "--client", "silent", "--scenario", "dms-requests", "--timeout", "1", "--samples"
    )
    unknown = command(running, "--client", "nobody")
    nonsense = command(running, "--client", "silent", "--scenario", "nonsense")

    out, _ = failed.communicate(timeout=60)
    _, why = unknown.communicate(timeout=60)
    nonsense.communicate(timeout=60)
    assert (failed.returncode, unknown.returncode, nonsense.returncode) == (1, 2, 2)
    assert "FAILED: No CreateDERGroups of yours came in time" in out
    assert "61968-5/create/executeDERGroups\n    <soap:Envelope" in out
    assert "skipped: Not run: it needs the step 'Create a group'" in out
    assert "There is no API client nobody." in why
    assert "Traceback" not in why


def test_partners_pass_at_the_same_time_each_in_its_own_way(running, office):
    with Listener() as first, Listener() as second:
        partners = [
            ZeepIntegrator(office.address, "zeep", office.client("zeep", first)),
            Integrator(office.address, "party", office.client("party", second, role="aggregator")),
            Integrator(office.address, "plain", office.client("plain"), plain=True),
        ]
        for partner, scenario in zip(partners, ("dms", "aggregator", "dms-requests"), strict=True):
            assert partner.start(scenario=scenario).get("state") == "running", partner.run
        threads = [threading.Thread(target=each.follow, daemon=True) for each in partners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(160)

        assert [differences(each.run) for each in partners] == [{}, {}, {}]
        assert {each.run["state"] for each in partners} == {"passed"}
        # Nobody was told of the others' groups.
        told = [
            {group for message in heard.messages() for group in message["groups"]}
            for heard in (first, second)
        ]
    assert told[0] == {partners[0].group}
    assert told[0].isdisjoint(told[1])
