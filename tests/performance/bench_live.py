"""From a measured value to pixels: 1,000 simulated devices, one real console in Chromium.

The whole system runs as `make run` starts it. For every live row the devices page is sent, the
browser notes how old its measurement is when the frame that shows it has been painted. Browser
and system share the clock. Then 100,000 further devices are imported and their list is scrolled.
"""

import signal
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page

from derms.devices.rules.device_rows import COLUMNS
from tests.e2e.console import Console, chromium, chromium_path, credentials
from tests.performance.report import Row
from tests.runtime.system import System

DEVICES = 1000
LISTED = 100_000
WATCH_S = 40
_GOAL_MS = 2000
# Before any script of the page: every delta of live rows is stamped after the second frame that
# follows it, when what it changed is on the screen.
_LISTEN = """
window.ages = [];
const Real = window.WebSocket;
window.WebSocket = class extends Real {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", (event) => {
      if (typeof event.data !== "string" || !event.data.includes('"delta"')) return;
      const rows = JSON.parse(event.data).data;
      const at = (Array.isArray(rows) ? rows : [rows]).flatMap((row) =>
        row && row.measured_at && "soc_pct" in row ? [row.measured_at * 1000] : []);  // epoch s
      requestAnimationFrame(() => requestAnimationFrame(() => {
        const now = Date.now();
        for (const measured of at) window.ages.push(now - measured);
      }));
    });
  }
};
"""
_REGISTER = """
async ([columns, count]) => {
  const rows = [columns.join()];
  const same = {kind: "pv", owner: "Simulated utility", rated_w: 5000, rated_va: 5000,
    lifecycle_state: "registered", poll_interval_s: 60};
  for (let i = 0; i < count; i++) {
    const device = {...same, mrid: `listed-${i}`, name: `Listed ${i}`};
    rows.push(columns.map((column) => device[column] ?? "").join());
  }
  const token = document.cookie.match(/csrftoken=([^;]+)/)[1];
  const headers = {"Content-Type": "text/csv", "X-CSRFToken": token};
  const sent = await fetch("/api/v1/devices/imports",
    {method: "POST", headers, body: rows.join("\\n")});
  if (sent.status !== 202) return `${sent.status} ${await sent.text()}`;
  for (;;) {
    await new Promise((go) => setTimeout(go, 500));
    const {state, errors} = await (await fetch(sent.headers.get("Location"))).json();
    if (!["queued", "running"].includes(state)) return state + JSON.stringify(errors);
  }
}
"""
_SCROLL = """
async () => {
  const list = document.querySelector('[role="grid"], .grid-scroll, .table-scroll');
  const box = [list, ...document.querySelectorAll('main *')]
    .find((e) => e && e.scrollHeight > 5 * e.clientHeight && e.clientHeight > 200);
  if (!box) return null;
  const frames = [];
  let last = performance.now();
  const end = last + 4000;
  while (last < end) {
    box.scrollTop += 120;
    if (box.scrollTop + box.clientHeight >= box.scrollHeight - 200) box.scrollTop = 0;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames;
}
"""


def run() -> list[Row]:
    if chromium_path() is None:
        return [Row("value to browser: no Chromium here", 0, None, "ms")]
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder) / "var")
        system.environment["DERMS_SIMULATED_DEVICES"] = str(DEVICES)
        with system.start(), chromium() as browser:
            tab = Console(browser, system.state["address"])
            tab.page.add_init_script(_LISTEN)
            tab.login(*credentials(system.folder, "engineer"))
            ages = _ages(tab.open("/devices"))
            _import(tab.page)
            frames = tab.open("/devices").evaluate(_SCROLL)
            tab.close()
            system.send(signal.SIGINT)
    return [*_age_rows(ages), *_frame_rows(frames)]


def _import(page: Page) -> None:
    state = page.evaluate(_REGISTER, [list(COLUMNS), LISTED])
    if not state.startswith("done"):
        raise RuntimeError(f"the import of {LISTED} devices ended as {state}")


def _ages(page: Page) -> list[float]:
    time.sleep(10)  # the first cycles connect to every device
    page.evaluate("window.ages = []")
    time.sleep(WATCH_S)
    return list(page.evaluate("window.ages"))


def _age_rows(ages: list[float]) -> list[Row]:
    if len(ages) < 100:
        raise RuntimeError(f"only {len(ages)} values reached the browser")
    p99 = statistics.quantiles(ages, n=100)[98]
    return [
        Row(f"measured value to browser, {DEVICES:,} devices, p99", p99, None, "ms", "",
            "<= 2000 ms", p99 <= _GOAL_MS),
        Row(f"  median of {len(ages):,} values", statistics.median(ages), None, "ms"),
    ]  # fmt: skip


def _frame_rows(frames: list[float] | None) -> list[Row]:
    if not frames:
        raise RuntimeError("the list of devices does not scroll")
    frame = statistics.quantiles(frames, n=20)[18]
    return [Row(f"  scrolling {DEVICES + LISTED:,} devices, p95 of a frame", frame, None, "ms")]
