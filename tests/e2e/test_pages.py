"""Every page, light and dark: it comes up, is accessible, and the browser has no complaint."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import Utility
from tests.e2e.console import Console

PAGES = {
    "operator": [
        "/", "/groups", "/groups?create=1", "/dispatches?view=all", "/dispatches/new", "/devices",
        "/alarms", "/alarms?view=journal", "/cim-messages", "/partners", "/partner-bench",
        "/system", "/controls", "/controls?view=all",
    ],
    "engineer": ["/devices/import", "/integration", "/certificates"],
    "admin": ["/audit", "/admin", "/admin?tab=clients", "/admin?tab=organisations"],
}  # fmt: skip
MANY = 100_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("username", PAGES)
def test_pages_are_accessible(console: Callable[..., Console], username: str, scheme: str) -> None:
    tab = console(username, scheme=scheme)

    faults = {}
    for path in PAGES[username]:
        tab.open(path)
        faults[path] = tab.accessibility_faults()

    assert {path: found for path, found in faults.items() if found} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_one_object_are_accessible(
    utility: Utility, console: Callable[..., Console], scheme: str
) -> None:
    group = utility.create_group(f"A11Y-{scheme}", {"pv"}, most=5)
    device = utility.api.get("devices").json()["results"][0]["mrid"]
    tabs = [f"/groups/{group}?tab={t}" for t in ("status", "members", "dispatches", "trend")]
    tabs += [f"/devices/{device}?tab={t}" for t in ("live", "nameplate", "control", "comms")]
    tab = console("operator", scheme=scheme)

    faults = {}
    for path in tabs:
        tab.open(path)
        faults[path] = tab.accessibility_faults()

    assert {path: found for path, found in faults.items() if found} == {}


def test_login_page_is_accessible_and_refuses_politely(
    utility: Utility, console: Callable[..., Console]
) -> None:
    tab = console(None)
    page = tab.page
    page.goto(utility.address + "/devices?kind=pv")
    expect(page.get_by_label("User name")).to_be_visible()
    assert tab.accessibility_faults() == []

    page.get_by_label("User name").fill("operator")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("alert")).to_be_visible()
    assert tab.accessibility_faults() == []
    tab.complaints[:] = [text for text in tab.complaints if "status of 4" not in text]


def test_keys_reach_every_page_and_open_the_palette(
    utility: Utility, console: Callable[..., Console]
) -> None:
    utility.create_group("KEYS-PV", {"pv"}, most=3)
    page = console("operator").page

    for key, path in {"g": "/groups", "d": "/dispatches", "v": "/devices", "a": "/alarms"}.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"{utility.address}{path}")

    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Page, group or device").fill("KEYS-PV")
    page.get_by_role("option", name="KEYS-PV").click()
    expect(page.get_by_role("heading", name="KEYS-PV")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog").get_by_text("New dispatch")).to_be_visible()


def _many_devices(route: Route) -> None:
    """Answer the fleet's columns with 100,000 made-up devices."""
    numbers = range(MANY)
    columns = {
        "id": [*numbers],
        "mrid": [f"m{k}" for k in numbers],
        "name": [f"DER-{k:06d}" for k in numbers],
        "kind": [("pv", "battery", "ev_charger", "load")[k % 4] for k in numbers],
        "feeder": [f"F{k % 40:02d}" for k in numbers],
        "lifecycle": ["registered"] * MANY,
        "eligible": [True] * MANY,
        "link": ["up"] * MANY,
        "rated_w": [5000 + k % 9000 for k in numbers],
        "p_w": [k % 5000 for k in numbers],
        "q_var": [0.0] * MANY,
        "soc_pct": [None] * MANY,
        "measured_at": [1.8e9] * MANY,
        "quality": [0] * MANY,
    }
    body = json.dumps({"at": "2026-11-21T00:00:00Z", "count": MANY, "columns": columns})
    route.fulfill(body=body, content_type="application/json")


def test_a_hundred_thousand_devices_scroll_sort_and_filter(
    console: Callable[..., Console],
) -> None:
    # given a fleet far larger than the screen
    tab = console("operator")
    tab.page.route("**/api/v1/devices/columns", _many_devices)
    page = tab.open("/devices")
    grid = page.get_by_role("table", name="Devices")
    expect(page.get_by_test_id("device-count")).to_have_text("100,000 of 100,000")

    # when it is scrolled to its end
    grid.evaluate("box => box.scrollTo(0, box.scrollHeight)")

    # then its end is there, and only what is on screen is in the page
    expect(grid.get_by_text("DER-099999")).to_be_visible()
    assert grid.locator(".grid-row").count() < 120
    assert grid.get_attribute("aria-rowcount") == str(MANY + 1)

    # and sorting and filtering go on the whole fleet and into the address
    grid.get_by_role("button", name="Device").click()
    grid.get_by_role("button", name="Device").click()
    expect(grid.locator(".grid-row").first).to_contain_text("DER-099999")
    page.get_by_label("Filter devices").fill("der-0500")
    expect(page.get_by_test_id("device-count")).to_have_text("100 of 100,000")
    page.get_by_label("Filter by kind").select_option("battery")
    expect(page.get_by_test_id("device-count")).to_have_text("25 of 100,000")
    assert "kind=battery" in page.url
    page.reload()
    expect(page.get_by_test_id("device-count")).to_have_text("25 of 100,000")
    # These devices do not exist, so the server has no live rows of them; that is no fault.
    tab.complaints[:] = [text for text in tab.complaints if "status of 404" not in text]
