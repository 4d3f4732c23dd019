"""What the operator sees when devices die and when the console itself loses its link."""

import os
import re
import signal
from collections.abc import Callable

from playwright.sync_api import expect

from derms.config import runfile
from tests.e2e.conftest import Utility
from tests.e2e.console import Console


def test_a_dead_device_raises_an_alarm_that_is_acknowledged_and_returns(
    utility: Utility, console: Callable[..., Console]
) -> None:
    # given an operator who watches the alarms
    device = utility.simulator(op="list")["devices"][0]["name"]
    tab = console("operator")
    page = tab.open("/alarms")

    # when a device dies
    utility.simulator(op="fault", fault="dead", device=device)
    row = page.get_by_role("row").filter(has_text=device)

    # then the alarm comes up in the list and in the strip, without a reload
    expect(row).to_be_visible(timeout=45_000)
    expect(row).to_contain_text("unack, active")
    expect(page.locator(".shell-strip")).to_contain_text(re.compile(".+"))

    # and is acknowledged
    row.get_by_role("button", name="Ack").click()
    page.get_by_label("Comment").fill("crew is on the way")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    expect(row).to_contain_text("ack operator, active")
    expect(row).to_contain_text("crew is on the way")

    # and goes away when the device is back
    utility.simulator(op="clear", device=device)
    expect(row).to_have_count(0, timeout=45_000)
    page.get_by_role("link", name="Journal").click()
    expect(page.get_by_role("row").filter(has_text=device).first).to_contain_text("returned")


def test_a_lost_link_is_shown_at_once_and_stops_commands(
    utility: Utility, console: Callable[..., Console]
) -> None:
    # given a page that is live
    tab = console("operator")
    page = tab.open("/groups")
    button = page.get_by_role("button", name="Create group")
    expect(button).to_be_enabled()

    # when the process behind the sockets stops answering
    pids = runfile.read_json(utility.folder / "run.json")["pids"]
    os.kill(pids["sockets"], signal.SIGKILL)

    # then the header says since when, and no command can be sent
    expect(page.get_by_text(re.compile(r"No data since \d\d:\d\d:\d\d"))).to_be_visible(
        timeout=3000
    )
    expect(button).to_be_disabled()
    expect(page.locator("html")).to_have_attribute("data-live", "lost")

    # and when it is back everything is live again, and the gap is named
    expect(page.get_by_text("Connected", exact=True)).to_be_visible(timeout=40_000)
    expect(button).to_be_enabled()
    expect(page.get_by_text(re.compile("The connection was lost from"))).to_be_visible()
    # The browser itself reports the sockets it could not open meanwhile.
    tab.complaints[:] = [text for text in tab.complaints if "WebSocket" not in text]


def test_a_failed_request_names_its_id_and_can_be_tried_again(
    console: Callable[..., Console],
) -> None:
    # given a server that fails on the list of groups
    tab = console("operator")
    problem = '{"detail": "Broken for the test.", "code": "broken", "request_id": "abc-123"}'
    tab.page.route(
        "**/api/v1/groups?*",
        lambda route: route.fulfill(
            status=400, body=problem, content_type="application/problem+json"
        ),
    )

    page = tab.open("/groups")
    expect(page.get_by_role("alert")).to_contain_text("Broken for the test.")
    expect(page.get_by_role("alert")).to_contain_text("abc-123")

    tab.page.unroute("**/api/v1/groups?*")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    tab.complaints[:] = [text for text in tab.complaints if "status of 400" not in text]
