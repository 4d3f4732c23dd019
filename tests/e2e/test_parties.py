"""A group of another party: marked in the list, shown with what was told and how old it is."""

import os

from playwright.sync_api import expect

from derms.core import clock
from tests.cim import messages as build

MRID = "5a3a8b59-42fe-4989-9622-6f4206e9579e"


def test_group_of_another_party(utility, console):
    for message in (
        build.request("CreatedDERGroups", "DERGroups", "created",
                      build.groups_content(build.group(MRID, "Harbour park", ["x1", "x2"]))),
        build.statuses(MRID, at=clock.now().isoformat(), nominal="2.52",
                       multiplier="M", flow="none"),
    ):  # fmt: skip
        reply = utility.api.post(
            utility.address + "/cim", content=message, headers={"Content-Type": "application/xml"}
        )
        assert "<m:Result>OK</m:Result>" in reply.text, reply.text

    tab = console("operator")
    tab.page.goto(utility.address + "/groups?q=Harbour")

    row = tab.page.get_by_role("row").filter(has_text="Harbour park")
    expect(row).to_contain_text("told")
    if folder := os.environ.get("DERMS_E2E_SHOTS"):
        tab.page.screenshot(path=f"{folder}/groups.png")
    tab.page.get_by_role("link", name="Harbour park").click()
    panel = tab.page.get_by_role("region", name="Told by its party")
    expect(panel).to_contain_text("not measured by us")
    expect(panel).to_contain_text("2.52")
    expect(tab.page.get_by_role("button", name="Edit")).to_be_disabled()
    expect(tab.page.get_by_role("link", name="New dispatch")).to_have_count(0)
    if folder:
        tab.page.screenshot(path=f"{folder}/group.png")
