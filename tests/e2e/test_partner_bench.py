"""A DMS proves itself on the bench of a whole running system; an engineer lets it go live."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import expect

from tests.conformance.dms import Person, wait_until
from tests.e2e.conftest import Utility
from tests.e2e.console import Console, credentials
from tests.partner.client import Listener
from tests.partner.integrator import Integrator


@pytest.fixture
def dms() -> Iterator[Listener]:
    """Return a DMS that listens."""
    with Listener() as listener:
        yield listener


def follow(integrator: Integrator, ended: threading.Event) -> None:
    """Do what each step wants until the run is over."""
    while not ended.wait(0.2):
        integrator.act()
        if integrator.run["state"] != "running":
            return


def test_a_dms_passes_the_bench_and_goes_live(
    utility: Utility, console: Callable[..., Console], dms: Listener
) -> None:
    # given a new DMS with an endpoint: it starts in the sandbox
    admin = Person(utility.address, *credentials(utility.folder, "admin"))
    engineer = Person(utility.address, *credentials(utility.folder, "engineer"))
    owner = next(o for o in admin.ask("GET", "organisations")["results"] if o["kind"] == "utility")
    body = {"client_id": "bench-dms", "name": "Bench DMS", "organisation": owner["mrid"]}
    made = admin.ask("POST", "api-clients", body | {"roles": ["dms"]})
    assert made["stage"] == "sandbox"
    endpoint = {"client_id": "bench-dms", "name": "Bench DMS", "base_url": dms.url, "auth": "none"}
    engineer.ask("POST", "partners", endpoint)

    # when the engineer starts a run on the page
    tab = console("engineer")
    page = tab.open("/partner-bench")
    row = page.get_by_role("row").filter(has_text="bench-dms").first
    expect(row.get_by_text("SANDBOX")).to_be_visible()
    assert tab.accessibility_faults() == []
    row.get_by_role("button", name="Start a run").click()
    page.get_by_role("dialog").get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="Run of bench-dms")).to_be_visible()
    expect(page.get_by_text("waiting").first).to_be_visible()
    page.get_by_role("button", name="Show messages").first.click()
    expect(page.get_by_text("CreateDERGroups").first).to_be_visible()
    sample = page.get_by_label("A message as expected")
    expect(sample).to_contain_text("soap:Envelope")
    page.get_by_label("Messages to copy").select_option("plain")
    expect(sample).not_to_contain_text("soap:Envelope")
    expect(page.get_by_text("POST /cim").first).to_be_visible()
    page.get_by_label("Messages to copy").select_option("soap")
    assert tab.accessibility_faults() == []
    _picture(tab, "waiting")

    # and the DMS does what each step asks for
    run = engineer.ask("GET", "conformance/runs")["results"][0]
    integrator = Integrator(utility.address, "bench-dms", made["secret"])
    integrator.run, ended = {"mrid": run["mrid"], "state": "running"}, threading.Event()
    thread = threading.Thread(target=follow, args=(integrator, ended), daemon=True)
    thread.start()
    try:
        wait_until(lambda: integrator.run["state"] != "running", 200, "the run is over")
    finally:
        ended.set()
        thread.join(30)
    differences = {s["key"]: s["difference"] for s in integrator.run["steps"] if s["difference"]}
    assert differences == {}

    # then the run has passed, what came stands beside what was expected
    expect(page.get_by_role("button", name="Accept…")).to_be_visible()
    expect(page.get_by_label("Received")).to_be_visible()
    told = page.get_by_role("listitem").filter(has_text="We tell you of a new group")
    told.get_by_role("button", name="Show messages").click()
    expect(told.get_by_label("A reply as expected")).to_contain_text("DERGroupsResponseMessage")
    expect(told.get_by_label("Sent")).to_contain_text("CreatedDERGroups")
    expect(told.get_by_label("Reply received")).to_contain_text("CorrelationID")
    with page.expect_download() as kept:
        page.get_by_role("link", name="Report").click()
    report = kept.value.path().read_text()
    assert run["mrid"] in report
    assert "&lt;CreateDERGroups" in report
    assert tab.accessibility_faults() == []
    _picture(tab, "passed")

    # and the live overview and lists know nothing of the sandbox
    session = requests.Session()
    session.auth = ("bench-dms", made["secret"])
    seen = session.get(f"{utility.address}/api/v1/devices", timeout=10).json()["results"]
    assert {d["owner"]["name"] for d in seen} == {"Sandbox utility"}
    overview = engineer.ask("GET", "overview")
    assert overview["devices"]["total"] == len(
        engineer.ask("GET", "devices?page_size=500")["results"]
    )

    # when the engineer accepts it, the DMS sees the live utility
    page.get_by_role("button", name="Accept…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What the acceptance rests on").fill("site acceptance test")
    dialog.get_by_role("button", name="Accept, go live").click()
    expect(page.get_by_text("site acceptance test")).to_be_visible()
    live = session.get(f"{utility.address}/api/v1/devices", timeout=10).json()["results"]
    assert "Sandbox utility" not in {d["owner"]["name"] for d in live}
    page = tab.open("/partner-bench")
    expect(page.get_by_role("button", name="Back to the sandbox").first).to_be_visible()
    _picture(tab, "bench")


def _picture(tab: Console, name: str) -> None:
    """Keep a picture when DERMS_E2E_PICTURES names a folder."""
    folder = os.environ.get("DERMS_E2E_PICTURES")
    if folder:
        tab.page.screenshot(path=f"{folder}/{name}.png", full_page=True)
