"""Pictures of the console for the documentation, taken from the running demo.

`python -m tests.e2e.screenshots` with `make run` in another terminal. Groups and a dispatch are
made where there are none, so that the pages show work going on.
"""

import sys
import time

from derms.config import runfile
from tests.e2e.conftest import Utility
from tests.e2e.console import Console, chromium, credentials

FOLDER = runfile.ROOT / "docs" / "screenshots"
GROUPS = {
    "NORTH-BESS": {"battery"},
    "CITY-PV": {"pv"},
    "EV-EAST": {"ev_charger"},
    "FLEX-LOADS": {"load"},
}
WATCH_S = 30


def _groups(utility: Utility) -> dict[str, str]:
    """Return the mRIDs of the sample groups; those that are missing are made."""
    known = utility.api.get("groups", params={"page_size": 500}).json()["results"]
    found = {group["name"]: group["mrid"] for group in known}
    for name, kinds in GROUPS.items():
        if name not in found:
            found[name] = utility.create_group(name, kinds)
    return found


def _dispatch(utility: Utility, group: str) -> str:
    """Return the open dispatch of a group; one of half its flexibility is made if there is none."""
    query = {"group": group, "open": "true"}
    running = utility.api.get("dispatches", params=query).json()["results"]
    if running:
        return str(running[0]["mrid"])
    highest = utility.api.get(f"groups/{group}/status").json()["available_max_w"]
    body = {
        "group": group,
        "name": "Evening peak",
        "interval_s": 900,
        "values": [round(0.5 * highest, -3), round(0.3 * highest, -3)],
        "comment": "Relieve feeder F07",
    }
    reply = utility.api.post("dispatches", json=body)
    reply.raise_for_status()
    return str(reply.json()["mrid"])


def _pages(groups: dict[str, str], dispatch: str, device: str) -> dict[str, str]:
    bess = groups["NORTH-BESS"]
    return {
        "overview": "/",
        "groups": "/groups",
        "group": f"/groups/{bess}?tab=status",
        "composer": f"/dispatches/new?group={groups['CITY-PV']}",
        "dispatch": f"/dispatches/{dispatch}",
        "devices": "/devices",
        "device": f"/devices/{device}?tab=live",
        "alarms": "/alarms",
        "cim-messages": "/cim-messages",
        "system": "/system",
    }


def _fill_composer(console: Console) -> None:
    for row, value in enumerate(["0,8", "0,5"], start=1):
        console.page.get_by_label("Intervals").fill("2")
        console.page.locator(f"[aria-label^='Value {row} in']").fill(value)
    console.page.locator(".verdict").wait_for()


def main() -> int:
    """Take every picture, light and dark."""
    if runfile.read_running() is None:
        sys.stderr.write("No DERMS runs here: start one with make run.\n")
        return 1
    utility = Utility(runfile.var_dir())
    groups = _groups(utility)
    time.sleep(3)
    dispatch = _dispatch(utility, groups["NORTH-BESS"])
    device = utility.api.get("devices", params={"kind": "battery"}).json()["results"][0]["mrid"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for scheme in ("light", "dark"):
            console = Console(browser, utility.address, scheme=scheme)
            console.login(*credentials(utility.folder, "operator"))
            # Trends need something to show.
            time.sleep(WATCH_S if scheme == "light" else 5)
            for name, path in _pages(groups, dispatch, device).items():
                console.open(path)
                if name == "composer":
                    _fill_composer(console)
                time.sleep(3)
                console.page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
            console.close()
    utility.api.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
