"""A group is disconnected: one person asks, another releases, every device is followed."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import ALONE, Utility
from tests.e2e.console import Console


def test_large_group_is_disconnected_by_two_persons(
    utility: Utility, console: Callable[..., Console]
) -> None:
    group = utility.create_group("SWITCHED", {"pv"}, most=ALONE + 3)
    asks = console("operator")
    page = asks.open(f"/groups/{group}?tab=status")

    page.get_by_role("button", name="Disconnect…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"{ALONE + 3} devices with together")
    expect(dialog).to_contain_text("A second person must release this")
    send = dialog.get_by_role("button", name="Ask to disconnect")
    expect(send).to_be_disabled()
    assert asks.accessibility_faults() == []
    dialog.get_by_label("Reason").fill("line work")
    send.click()

    state = page.get_by_test_id("control-state")
    expect(state).to_have_text("awaiting release")
    expect(page.get_by_role("button", name="Release…")).to_be_disabled()

    decides = console("approver")
    list_page = decides.open("/controls?view=awaiting")
    row = list_page.get_by_role("row", name=re.compile("Disconnect SWITCHED"))
    row.get_by_role("button", name="Release…").click()
    list_page.get_by_role("dialog").get_by_role("button", name="Release").click()
    expect(row).to_have_count(0)

    expect(state).to_have_text("completed")
    expect(page.get_by_text(f"{ALONE + 3} done")).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text("done")
    assert asks.accessibility_faults() == []
    off = [row for row in utility.simulator(op="state")["devices"] if not row["in_service"]]
    assert len(off) == ALONE + 3


def test_one_device_is_switched_by_one_person(
    utility: Utility, console: Callable[..., Console]
) -> None:
    device = utility.api.get("devices").json()["results"][-1]
    tab = console("operator")
    page = tab.open(f"/devices/{device['mrid']}?tab=live")

    page.get_by_role("button", name="Connect…", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 device with together")
    dialog.get_by_label("Reason").fill("repair is over")
    dialog.get_by_role("button", name="Connect", exact=True).click()

    expect(page.get_by_test_id("control-state")).to_have_text("completed")
    tab.open("/controls?view=all")
    expect(
        page.get_by_role("row", name=re.compile(f"Connect {device['name']}")).first
    ).to_be_visible()
