"""The engineer's story: what is wrong with a partner, and its message once more in the sandbox."""

import uuid
from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from derms.config import runfile
from tests.cim.messages import create_groups, group, soap
from tests.e2e.conftest import Utility
from tests.e2e.console import Console, credentials


def send(utility: Utility, message: str) -> None:
    secret = runfile.read_json(utility.folder / "credentials.json")["dms"]
    reply = httpx.post(
        f"{utility.address}/61968-5/create/executeDERGroups",
        content=soap(message),
        headers={"Content-Type": "text/xml"},
        auth=(secret["client_id"], secret["secret"]),
        timeout=30,
    )
    assert reply.status_code == 200, reply.text


def test_engineer_finds_a_failure_and_replays_a_message(
    utility: Utility, console: Callable[..., Console]
) -> None:
    # given a DMS that has made a group, and has tried to make it once more
    name = f"REPLAY-{uuid.uuid4().hex[:8]}"
    columns = utility.api.get("devices/columns").json()["columns"]
    members = columns["mrid"][:3]
    send(utility, create_groups(group(name, name, members)))
    send(utility, create_groups(group(name, name, members)))

    # when an engineer logs in
    tab = console(None)
    tab.login(*credentials(utility.folder, "engineer"))
    page = tab.page

    # then the first page is the health of integration, and says what went wrong last
    expect(page.get_by_role("heading", name="Integration health")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="already exists").first).to_be_visible()
    assert tab.accessibility_faults() == []

    # when the engineer opens the messages of that partner and replays the first one by keyboard
    tab.open(f"/cim-messages?group={name}&result=OK")
    page.get_by_role("row").filter(has_text="OK 0.0").first.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Replay in the sandbox").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("checkbox")).to_be_checked()
    assert tab.accessibility_faults() == []
    dialog.get_by_role("button", name="Replay", exact=True).press("Enter")

    # then it stands beside the original: another mRID, another name, devices of the sandbox
    expect(page.get_by_role("heading", name="Against create DERGroups")).to_be_visible()
    expect(page.get_by_text(f"{name} (replay)").first).to_be_visible()
    expect(page.get_by_role("region", name="Difference of request")).to_contain_text("mRID")
    expect(page.get_by_text("in the sandbox, by engineer")).to_be_visible()
    assert tab.accessibility_faults() == []

    # and the live utility has the group it had
    (live,) = utility.api.get("groups", params={"q": name}).json()["results"]
    assert live["mrid"] == name
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as zip").click()
    assert download.value.suggested_filename.startswith("exchange-")
