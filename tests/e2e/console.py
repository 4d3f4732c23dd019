"""A browser with somebody logged in to the console, and what must never be seen in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from derms.config import runfile

VIEWPORT = {"width": 1440, "height": 900}
AXE = runfile.ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# Without these Chromium looks up its maker's hosts at every start.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """Return Debian's Chromium, or the one DERMS_CHROMIUM names; None when there is none."""
    named = os.environ.get("DERMS_CHROMIUM")
    return named or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=_FLAGS)
        yield browser
        browser.close()


def credentials(folder: Path, username: str) -> tuple[str, str]:
    """Return login name and password of a demo user."""
    users = runfile.read_json(folder / "credentials.json")["users"]
    found = next(user for user in users if user["username"] == username)
    return found["username"], found["password"]


class Console:
    """One tab of one user; keeps what the browser complained about."""

    def __init__(
        self, browser: Browser, address: str, *, scheme: str = "light", zone: str = "Asia/Kathmandu"
    ) -> None:
        # A zone no site is in, so that times taken from the browser's clock would show.
        self.context: BrowserContext = browser.new_context(
            viewport=VIEWPORT, color_scheme=scheme, timezone_id=zone, locale="de-DE"
        )
        self.context.set_default_timeout(15_000)
        self.address = address
        self.complaints: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((address, "data:", "blob:"))
                else self.complaints.append(f"foreign request: {request.url}")
            ),
        )

    def _hear(self, message: object) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def login(self, username: str, password: str) -> "Console":
        """Log in by the form and wait for the live console."""
        self.page.goto(self.address + "/login")
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page.get_by_text("Connected", exact=True)).to_be_visible()
        return self

    def open(self, path: str) -> Page:
        """Go to a page of the console and wait until nothing on it is loading."""
        self.page.goto(self.address + path)
        expect(self.page.get_by_text("Connected", exact=True)).to_be_visible()
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until no skeleton is left."""
        expect(self.page.locator(".skeleton")).to_have_count(0)

    def accessibility_faults(self) -> list[str]:
        """Return what axe finds serious or critical on the page, WCAG 2.2 AA."""
        # Evaluated by the debugger, so that the content security policy stays as it is.
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(
            """async () => (await axe.run(document, {runOnly: {type: 'tag', values:
            ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}})).violations"""
        )
        return [
            f"{fault['id']} ({fault['impact']}): "
            + "; ".join(node["html"][:160] for node in fault["nodes"][:3])
            for fault in found
            if fault["impact"] in {"serious", "critical"}
        ]

    def close(self) -> None:
        """Close the tab."""
        self.context.close()
