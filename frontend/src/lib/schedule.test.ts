import { describe, expect, it } from "vitest";
import { endMs, intervalCount, line, parsePaste, pointCount, resize, targetAt, type Schedule } from "./schedule";

const steps: Schedule = { curve: "constantYValue", startMs: 0, intervalS: 60, values: [1, 3] };
const ramp: Schedule = { ...steps, curve: "straightLineYValues", values: [1, 3, 3] };

describe("N values and N + 1 points", () => {
  it("gives both styles the same length in time", () => {
    for (let n = 1; n < 50; n++) {
      for (const curve of ["constantYValue", "straightLineYValues"] as const) {
        const values = resize([5], pointCount(curve, n), 0);
        expect(intervalCount({ curve, values })).toBe(n);
      }
    }
    expect(endMs(steps)).toBe(endMs(ramp));
  });
});

describe("targetAt", () => {
  it("holds steps and interpolates lines", () => {
    expect([0, 59_999, 60_000, 119_999, 120_000].map((t) => targetAt(steps, t))).toEqual([1, 1, 3, 3, null]);
    expect([0, 30_000, 60_000, 90_000].map((t) => targetAt(ramp, t))).toEqual([1, 2, 3, 3]);
  });

  it("agrees with the corner points drawn", () => {
    for (const schedule of [steps, ramp]) {
      const [xs, ys] = line(schedule);
      xs.forEach((x, k) => {
        const target = targetAt(schedule, x * 1000);
        if (target !== null) expect(target).toBeCloseTo(ys[k]!, 3);
      });
    }
  });
});

describe("parsePaste", () => {
  it("reads a column, a row and a table with times", () => {
    expect(parsePaste("1,5\n-2\n")).toEqual([1.5, -2]);
    expect(parsePaste("1\t2\t3")).toEqual([1, 2, 3]);
    expect(parsePaste("17:00\t-4\n17:15\t-8")).toEqual([-4, -8]);
  });

  it("refuses a paste with anything that is not a number", () => {
    expect(parsePaste("1\nx")).toBeNull();
    expect(parsePaste("")).toBeNull();
  });
});
