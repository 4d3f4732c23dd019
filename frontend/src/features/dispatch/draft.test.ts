import { beforeEach, expect, it } from "vitest";
import { setSiteZone } from "@/lib/time";
import { blankDraft, check, withCurve, withIntervals } from "./draft";

const NOW = Date.parse("2026-10-24T12:00:00Z");
const draft = { ...blankDraft("g", NOW), values: ["4,1"] };

beforeEach(() => setSiteZone("Europe/Paris"));

it("sends base units and null for now", () => {
  const { request, problems } = check(draft, 1e6, NOW);
  expect(problems).toEqual({});
  expect(request).toMatchObject({ values: [4_100_000], start_at: null, interval_s: 900 });
});

it("keeps the length in time when the curve style changes", () => {
  const steps = withIntervals(draft, 4);
  const lines = withCurve(steps, "straightLineYValues");
  expect(lines.values).toHaveLength(5);
  expect(withCurve(lines, "constantYValue").values).toHaveLength(4);
});

it("names every row that is not a number", () => {
  const { badRows, request } = check({ ...draft, values: ["1", "x", ""] }, 1, NOW);
  expect([...badRows]).toEqual([1, 2]);
  expect(request).toBeNull();
});

it("starts at the clock time of the site, and knows the doubled hour", () => {
  const at = { ...draft, startsNow: false, startText: "2026-10-25T02:30" };
  expect(check(at, 1, NOW).request?.start_at).toBe("2026-10-25T00:30:00.000Z");
  expect(check({ ...at, second: true }, 1, NOW).request?.start_at).toBe("2026-10-25T01:30:00.000Z");
});

it("refuses the hour that does not exist, the past and a group not chosen", () => {
  const skipped = { ...draft, startsNow: false, startText: "2027-03-28T02:30" };
  expect(check(skipped, 1, NOW).problems.start).toMatch(/does not exist/);
  expect(check({ ...skipped, startText: "2020-01-01T00:00" }, 1, NOW).problems.start).toMatch(/past/);
  expect(check({ ...draft, group: "" }, 1, NOW).problems.group).toBeDefined();
  expect(check({ ...draft, intervalText: "0" }, 1, NOW).problems.interval).toBeDefined();
});
