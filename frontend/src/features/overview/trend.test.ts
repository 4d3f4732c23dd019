import { expect, it } from "vitest";
import type { GroupStatus, TrendPoint } from "@/api/types";
import { continued, fromHistory, NO_TREND, WINDOW_S, withTick } from "./trend";

const tick = (s: number, powers: Record<string, number>): GroupStatus[] =>
  Object.entries(powers).map(
    ([mrid, active_power_w]) => ({ mrid, active_power_w, coverage_pct: 100, at: new Date(s * 1000).toISOString() }) as GroupStatus,
  );

it("keeps a fixed window however long it runs", () => {
  let trend = NO_TREND;
  for (let s = 1; s <= 3 * WINDOW_S; s++) trend = withTick(trend, tick(s, { a: s }));
  expect(trend.xs).toHaveLength(WINDOW_S);
  expect(trend.ys.get("a")).toHaveLength(WINDOW_S);
  expect(trend.ys.get("a")!.at(-1)).toBe(3 * WINDOW_S);
});

it("leaves a hole where a group did not report", () => {
  let trend = withTick(NO_TREND, tick(1, { a: 1, b: 2 }));
  trend = withTick(trend, tick(2, { a: 3 }));
  trend = withTick(trend, tick(3, { a: 4, c: 9 }));
  expect(trend.ys.get("b")).toEqual([2, null, null]);
  expect(trend.ys.get("c")).toEqual([null, null, 9]);
});

it("ignores a tick it already has", () => {
  const trend = withTick(NO_TREND, tick(5, { a: 1 }));
  expect(withTick(trend, tick(5, { a: 2 }))).toBe(trend);
});

it("puts the live part after the stored one without an overlap", () => {
  const points = [1, 11, 21].map((s) => ({ at: new Date(s * 1000 + 300).toISOString(), active_power_w: s, coverage_pct: 100 }) as TrendPoint);
  const live = withTick(withTick(NO_TREND, tick(20, { a: 7 })), tick(22, { a: 8, b: 1 }));
  const whole = continued(fromHistory(new Map([["a", points]])), live);
  expect(whole.xs).toEqual([1, 11, 20, 22]);
  expect(whole.ys.get("a")).toEqual([1, 11, 7, 8]);
  expect(whole.ys.get("b")).toEqual([null, null, null, 1]);
});

it("draws nothing while no member reports, instead of a zero nobody measured", () => {
  const rows = tick(1, { a: 0 }).map((row) => ({ ...row, coverage_pct: 0 }));
  expect(withTick(NO_TREND, rows).ys.get("a")).toEqual([null]);
});
