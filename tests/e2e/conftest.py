"""One whole system and one browser for all browser tests; every test gets a tab of its own."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from derms.config import runfile
from derms.southbound.simulator.client import ask
from tests.e2e.console import Console, chromium, chromium_path, credentials
from tests.runtime.system import System

DEVICES = 60
ALONE = 5
"""Devices one person may connect or disconnect without a second one."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever stands here: a browser test among the others breaks those that follow."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(300))


class Utility:
    """The running system as the tests see it: its address, its users, its DMS, its devices."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        state = runfile.read_json(folder / "run.json")
        self.address: str = state["address"]
        self.control_port: int = state["control_port"]
        self.pids: dict[str, int] = state["pids"]
        secret = runfile.read_json(folder / "credentials.json")["dms"]
        self.api = httpx.Client(
            base_url=self.address + "/api/v1/",
            auth=(secret["client_id"], secret["secret"]),
            timeout=30,
        )

    def create_group(self, name: str, kinds: set[str], most: int = 100) -> str:
        """Create a group of devices of some kinds anew; returns its mRID."""
        columns = self.api.get("devices/columns").json()["columns"]
        members = [
            mrid
            for mrid, kind in zip(columns["mrid"], columns["kind"], strict=True)
            if kind in kinds
        ]
        for old in self.api.get("groups", params={"q": name}).json()["results"]:
            self.api.delete(f"groups/{old['mrid']}", headers={"If-Match": "*"})
        wanted = ("realPowerDispatch", "reactivePowerDispatch", "connectDisconnect")
        functions = dict.fromkeys(wanted, True)
        body = {"name": name, "functions": functions, "members": members[:most]}
        reply = self.api.post("groups", json=body)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["mrid"])

    def simulator(self, **request: Any) -> dict[str, Any]:
        """Ask the simulator for a fault, its end, or the true state."""
        return ask(self.control_port, request)


@pytest.fixture(scope="session")
def utility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Utility]:
    """A system started for these tests; DERMS_E2E_VAR names one that already runs."""
    running = os.environ.get("DERMS_E2E_VAR")
    if running:
        found = Utility(Path(running))
        yield found
        found.api.close()
        return
    if not (runfile.ROOT / "frontend" / "dist" / "index.html").exists():
        pytest.skip("the console is not built: make setup")
    system = System(tmp_path_factory.mktemp("e2e"))
    system.environment |= {
        "DERMS_SIMULATED_DEVICES": str(DEVICES),
        "DERMS_CONTROL_RELEASE_DEVICES": str(ALONE),
    }
    system.start()
    found = Utility(system.folder)
    yield found
    found.api.close()
    system.send(signal.SIGINT)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    if chromium_path() is None:
        pytest.skip("no Chromium here: install the package chromium")
    expect.set_options(timeout=15_000)
    with chromium() as opened:
        yield opened


@pytest.fixture
def console(utility: Utility, browser: Browser) -> Iterator[Callable[..., Console]]:
    """Open the console, logged in if a user is named; it must complain about nothing."""
    opened: list[Console] = []

    def open_as(username: str | None, **options: Any) -> Console:
        tab = Console(browser, utility.address, **options)
        opened.append(tab)
        return tab.login(*credentials(utility.folder, username)) if username else tab

    yield open_as
    complaints = [text for tab in opened for text in tab.complaints]
    for tab in opened:
        tab.close()
    assert complaints == []
