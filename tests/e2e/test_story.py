"""The operator's story: log in, open a group, dispatch it, watch it track, cancel it."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Utility
from tests.e2e.console import Console

_MINUS = "\u2212"


def _watts(text: str) -> float:
    found = re.search(rf"({_MINUS}?[\d,.]+)\s*(k|M)?W", text)
    assert found, text
    factor = {"k": 1e3, "M": 1e6}.get(found[2] or "", 1.0)
    return float(found[1].replace(_MINUS, "-").replace(",", "")) * factor


def test_operator_dispatches_a_group_watches_it_track_and_cancels(
    utility: Utility, console: Callable[..., Console]
) -> None:
    # given a group of batteries
    group = utility.create_group("STORY-BESS", {"battery"})
    tab = console("operator")
    page = tab.page

    # when the operator opens it from the overview
    page.get_by_role("link", name="STORY-BESS").first.click()
    expect(page.get_by_role("heading", name="STORY-BESS")).to_be_visible()
    expect(page.get_by_text(re.compile(r"[1-9]\d* of \d+ members good"))).to_be_visible()

    # and composes a dispatch of 60 % of what it can export
    status = utility.api.get(f"groups/{group}/status").json()
    page.get_by_role("link", name="New dispatch").click()
    unit = page.get_by_label(re.compile(r"^Value 1 in"))
    divisor = 1e6 if "MW" in (unit.get_attribute("aria-label") or "") else 1e3
    target = round(0.6 * status["available_max_w"] / divisor, 2)
    unit.fill(str(target).replace(".", ","))
    expect(page.get_by_text("Will be accepted and fully delivered")).to_be_visible()
    expect(page.get_by_role("table", name="Shares of the members")).to_be_visible()
    page.get_by_role("button", name="Review and send").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("STORY-BESS")).to_be_visible()
    expect(dialog.get_by_text(re.compile("^export "))).to_be_visible()
    dialog.get_by_role("button", name="Send dispatch").click()

    # then it becomes active and tracks, seen live
    state = page.get_by_test_id("dispatch-state")
    expect(state).to_contain_text("active")
    expect(state).to_contain_text("tracking", timeout=40_000)
    measured = page.get_by_role("region", name="Measured", exact=True)
    shown = _watts(measured.inner_text().split("\n")[1])
    assert shown == pytest.approx(target * divisor, rel=0.05)

    # and what is shown is what the devices truly do
    members = utility.api.get(f"groups/{group}/members", params={"page_size": 500}).json()
    names = [row["name"] for row in members["results"]]
    truth = utility.simulator(op="state", devices=names)["devices"]
    assert sum(device["p_w"] for device in truth) == pytest.approx(target * divisor, rel=0.05)

    # and can be cancelled, with a reason
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_label("Reason").fill("end of the test")
    page.get_by_role("button", name="Cancel dispatch").click()
    expect(state).to_contain_text("cancelled")
    expect(page.get_by_text(re.compile("end of the test")).first).to_be_visible()
    expect(page.get_by_role("button", name="Cancel…")).to_have_count(0)


def test_a_dispatch_that_cannot_be_delivered_is_not_sent(
    utility: Utility, console: Callable[..., Console]
) -> None:
    # given a group of loads, which can only import
    utility.create_group("STORY-LOADS", {"load"})
    tab = console("operator")
    page = tab.open("/dispatches/new")

    # when an operator asks it to export
    page.get_by_label("Group").select_option(label="STORY-LOADS")
    page.get_by_text("Send even when only a part").click()
    page.get_by_label(re.compile(r"^Value 1 in")).fill("100")

    # then the check says so and sending is off
    expect(page.get_by_text(re.compile("Will be refused|Only partly deliverable"))).to_be_visible()
    expect(page.get_by_role("button", name="Review and send")).to_be_disabled()


def test_viewer_sees_commands_but_cannot_use_them(console: Callable[..., Console]) -> None:
    tab = console("viewer")
    page = tab.open("/groups")

    button = page.get_by_role("button", name="Create group")

    expect(button).to_be_disabled()
    expect(button).to_have_attribute("title", "Your role does not allow this")


def test_engineer_creates_a_group_from_a_filter(console: Callable[..., Console]) -> None:
    tab = console("engineer")
    page = tab.open("/groups?create=1")
    dialog = page.get_by_role("dialog")

    name = f"FILTER-{uuid4().hex[:6]}"
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_label("Kind").select_option("pv")
    dialog.get_by_label("At most").fill("7")
    dialog.get_by_role("button", name="Create with 7 devices").click()

    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_role("link", name="Members 7").click()
    expect(page.get_by_role("table", name="Members").locator("tbody tr")).to_have_count(7)
