import { expect, it } from "vitest";
import type { Alarm } from "@/api/types";
import { fold, isFlood } from "./flood";

const NOW = Date.parse("2026-11-21T00:00:00Z");
const alarm = (k: number, more: Partial<Alarm> = {}): Alarm =>
  ({ mrid: `a${k}`, kind: "comms_lost", priority: 3, acknowledged_at: null, cleared_at: null, last_raised_at: new Date(NOW - k * 1000).toISOString(), ...more }) as Alarm;
const many = (n: number): Alarm[] => Array.from({ length: n }, (_, k) => alarm(k));

it("is a flood from the eleventh active alarm in ten minutes", () => {
  expect(isFlood(many(10), NOW)).toBe(false);
  expect(isFlood(many(11), NOW)).toBe(true);
  expect(isFlood(many(11), NOW + 3_600_000)).toBe(false);
  expect(isFlood(many(11).map((one) => ({ ...one, cleared_at: "2026-11-20T23:59:59Z" })), NOW)).toBe(false);
});

it("folds by kind, priority and state and loses none", () => {
  const alarms = [...many(20), alarm(30, { priority: 1 }), alarm(31, { kind: "shortfall" })];
  const folds = fold(alarms, true);
  expect(folds).toHaveLength(3);
  expect(folds.flatMap(({ first, rest }) => [first, ...rest])).toHaveLength(alarms.length);
  expect(fold(alarms, false)).toHaveLength(alarms.length);
});
