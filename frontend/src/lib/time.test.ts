// The suite runs with TZ=America/New_York, so anything taken from the browser's zone shows.
import { describe, expect, it } from "vitest";
import { clock, fromLocal, localText, offsetMs, span, tickLabels, ticks, zoneName } from "./time";

const at = (iso: string): number => Date.parse(iso);

describe("zones", () => {
  it("shows site time whatever the browser's zone is", () => {
    expect(clock(at("2026-11-21T17:00:00Z"), "UTC")).toBe("17:00:00");
    expect(clock(at("2026-11-21T17:00:00Z"), "Asia/Kathmandu")).toBe("22:45:00");
    expect(zoneName(at("2026-07-01T00:00:00Z"), "UTC")).toBe("UTC");
  });

  it("knows half-hour daylight saving", () => {
    expect(offsetMs(at("2026-01-01T00:00:00Z"), "Australia/Lord_Howe")).toBe(11 * 3_600_000);
    expect(offsetMs(at("2026-07-01T00:00:00Z"), "Australia/Lord_Howe")).toBe(10.5 * 3_600_000);
  });
});

describe("fromLocal", () => {
  it("is the inverse of localText all through two years", () => {
    for (const zone of ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC"]) {
      for (let t = at("2026-01-01T00:00:00Z"); t < at("2028-01-01T00:00:00Z"); t += 5_400_000 * 7) {
        const found = fromLocal(localText(t, zone), zone);
        const instants =
          found?.kind === "one" ? [found.at] : found?.kind === "twice" ? [found.first, found.second] : [];
        expect(instants).toContain(t);
      }
    }
  });

  it("refuses the hour that is skipped and names both of the doubled hour", () => {
    expect(fromLocal("2026-03-29T02:30:00", "Europe/Paris")).toEqual({ kind: "skipped" });
    expect(fromLocal("2026-10-25T02:30:00", "Europe/Paris")).toEqual({
      kind: "twice",
      first: at("2026-10-25T00:30:00Z"),
      second: at("2026-10-25T01:30:00Z"),
    });
    expect(fromLocal("nonsense", "UTC")).toBeNull();
  });
});

describe("ticks", () => {
  it("keeps the real length of a 25-hour day", () => {
    const from = at("2026-10-24T22:00:00Z") / 1000;
    const to = at("2026-10-25T23:00:00Z") / 1000;
    const found = ticks(from, to, 30, "Europe/Paris");
    expect(found).toHaveLength(26);
    const labels = tickLabels(found, "Europe/Paris");
    const doubled = labels.filter((label) => label.startsWith("02:00"));
    expect(doubled).toHaveLength(2);
    expect(new Set(doubled).size).toBe(2);
  });

  it("lands on round local times in a 45-minute zone", () => {
    const from = at("2026-11-21T00:00:00Z") / 1000;
    const labels = tickLabels(ticks(from, from + 6 * 3600, 8, "Asia/Kathmandu"), "Asia/Kathmandu");
    expect(labels).toEqual(["06:00", "07:00", "08:00", "09:00", "10:00", "11:00"]);
  });
});

it("says spans shortly", () => {
  expect([2_000, 240_000, 7_500_000, 200_000_000].map(span)).toEqual(["2 s", "4 min", "2 h 5 min", "2 d"]);
});
