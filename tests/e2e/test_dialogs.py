"""Forms and dialogs: what is typed arrives, what is wrong is said, nothing is lost."""

from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import expect

from derms.devices.rules.device_rows import COLUMNS
from tests.e2e.conftest import Utility
from tests.e2e.console import Console


def test_a_group_is_edited_and_deleted(utility: Utility, console: Callable[..., Console]) -> None:
    mrid = utility.create_group("DIALOG-PV", {"pv"}, most=3)
    page = console("operator").open(f"/groups/{mrid}")

    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Description").fill("South of the river")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert utility.api.get(f"groups/{mrid}").json()["description"] == "South of the river"

    page.get_by_role("button", name="Delete").click()
    sure = page.get_by_role("dialog").get_by_role("button", name="Delete group")
    expect(sure).to_be_disabled()
    page.get_by_label("Type the name of the group to confirm").fill("DIALOG-PV")
    sure.click()
    page.wait_for_url(f"{utility.address}/groups")
    assert utility.api.get(f"groups/{mrid}").status_code == 404


def test_an_edit_on_top_of_somebody_elses_is_refused(
    utility: Utility, console: Callable[..., Console]
) -> None:
    mrid = utility.create_group("DIALOG-STALE", {"pv"}, most=3)
    tab = console("operator")
    page = tab.open(f"/groups/{mrid}")
    page.get_by_role("button", name="Edit").click()
    theirs = utility.api.patch(
        f"groups/{mrid}", json={"description": "theirs"}, headers={"If-Match": "*"}
    )
    assert theirs.status_code == 200

    page.get_by_role("textbox", name="Description").fill("mine")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("Nothing was overwritten")).to_be_visible()
    assert utility.api.get(f"groups/{mrid}").json()["description"] == "theirs"
    tab.complaints[:] = [text for text in tab.complaints if "status of 412" not in text]


def csv_of(*rows: dict[str, str]) -> str:
    lines = [",".join(COLUMNS)]
    lines += [",".join(row.get(column, "") for column in COLUMNS) for row in rows]
    return "\n".join(lines)


def test_devices_are_imported_from_a_file_checked_first(
    console: Callable[..., Console], tmp_path: Path
) -> None:
    good = {
        "mrid": "dialog-1", "name": "Dialog 1", "kind": "pv", "owner": "Simulated utility",
        "rated_w": "5000", "rated_va": "5000", "lifecycle_state": "registered",
        "poll_interval_s": "60",
    }  # fmt: skip
    bad = good | {"mrid": "dialog-2", "name": "Dialog 2", "kind": "boat"}
    file = tmp_path / "devices.csv"
    file.write_text(csv_of(good, bad), encoding="utf-8")
    page = console("engineer").open("/devices/import")
    write = page.get_by_role("button", name="Import", exact=True)
    expect(write).to_be_disabled()

    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Check without writing").click()
    expect(page.get_by_role("table", name="Row errors")).to_contain_text("kind")
    expect(write).to_be_disabled()

    page.get_by_label("leave bad rows out").check()
    page.get_by_role("button", name="Check without writing").click()
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("1 would be created")
    write.click()
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("Imported: 1 created")
    page.get_by_role("link", name="Back to the devices").click()
    page.get_by_label("Filter devices").fill("Dialog 1")
    expect(page.get_by_role("table", name="Devices").get_by_text("Dialog 1")).to_be_visible()


def test_a_new_user_logs_in_with_the_password_shown_once(
    console: Callable[..., Console],
) -> None:
    page = console("admin").open("/admin")
    page.get_by_role("button", name="New user").click()
    page.get_by_label("Login name").fill("dialog-user")
    page.get_by_role("button", name="Save").click()
    password = page.get_by_test_id("secret").inner_text()

    console(None).login("dialog-user", password)

    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert password not in page.content()


def test_a_new_api_client_connects_until_it_is_locked(
    utility: Utility, console: Callable[..., Console]
) -> None:
    page = console("admin").open("/admin?tab=clients")
    page.get_by_role("button", name="New API client").click()
    page.get_by_label("Client id").fill("dialog-dms")
    page.get_by_label("Name").fill("A second DMS")
    page.get_by_label("Organisation").select_option(label="Simulated utility")
    page.get_by_role("button", name="Create").click()
    secret = page.get_by_test_id("secret").inner_text()
    address = f"{utility.address}/api/v1/groups"
    assert httpx.get(address, auth=("dialog-dms", secret)).status_code == 200

    page.keyboard.press("Escape")
    row = page.get_by_role("row").filter(has_text="dialog-dms")
    row.get_by_role("button", name="Lock", exact=True).click()

    expect(row.get_by_role("button", name="Unlock")).to_be_visible()
    assert httpx.get(address, auth=("dialog-dms", secret)).status_code == 401


def test_an_idle_session_warns_before_it_ends(console: Callable[..., Console]) -> None:
    tab = console(None)
    tab.page.clock.install()
    page = tab.page
    opened = console("viewer")  # its cookies, in the tab with the clock of ours
    tab.context.add_cookies(opened.context.cookies())
    page = tab.open("/")

    page.clock.fast_forward("13:30")
    expect(page.get_by_text("The session is about to end")).to_be_visible()
    page.get_by_role("button", name="Stay logged in").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
