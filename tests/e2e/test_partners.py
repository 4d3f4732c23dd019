"""The engineer's story: a partner refuses a message once and gets it again by one click."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Utility
from tests.e2e.console import Console
from tests.partner.client import Listener


@pytest.fixture
def dms() -> Iterator[Listener]:
    """Return a DMS that listens."""
    with Listener() as listener:
        yield listener


def test_engineer_connects_a_partner_and_sends_a_refused_message_again(
    utility: Utility, console: Callable[..., Console], dms: Listener
) -> None:
    # given a group, and an engineer on the page of partners
    utility.create_group("STORY-PUSH", {"pv"}, most=3)
    tab = console("engineer")
    page = tab.open("/partners")

    # when the engineer creates the endpoint of the DMS
    page.get_by_role("button", name="New partner").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("API client").fill("sample-dms")
    dialog.get_by_label("Name").fill("Story DMS")
    dialog.get_by_label("Address").fill(dms.url)
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Story DMS")).to_be_visible()

    # and tries the address
    page.get_by_role("link", name="Endpoint").click()
    page.get_by_role("button", name="Try", exact=True).click()
    expect(page.get_by_text("Somebody answered")).to_be_visible()

    # and subscribes it to statuses, while the DMS refuses what comes first
    dms.behave("refuse", code="6.1", times=1)
    page.get_by_role("link", name="Subscriptions").click()
    page.get_by_role("button", name="New subscription").click()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("cell", name="DERGroupStatuses")).to_be_visible()

    # then the refused message is parked, and one click sends it again
    page.get_by_role("link", name="Deliveries").click()
    parked = page.get_by_role("row").filter(has_text="FAILED 6.1")
    expect(parked).to_be_visible()
    assert tab.accessibility_faults() == []
    parked.get_by_role("button", name="Send again").click()
    expect(parked).to_have_count(0)
    expect(page.get_by_role("cell", name="OK 0.0").first).to_be_visible()

    # and the DMS has had it twice, valid, with the same MessageID
    first = next(m for m in dms.messages() if m["mode"] == "refuse")
    again = dms.messages(message_id=first["message_id"])
    assert [m["mode"] for m in again] == ["refuse", "ok"]
    assert {m["fault"] for m in again} == {""}
