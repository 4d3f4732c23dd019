// Arithmetic of dispatch schedules: N values for steps, N + 1 points for straight lines.
import { parseNumber } from "./quantities";

export type CurveStyle = "constantYValue" | "straightLineYValues";

export interface Schedule {
  curve: CurveStyle;
  startMs: number;
  intervalS: number;
  values: readonly number[];
}

export function pointCount(curve: CurveStyle, intervals: number): number {
  return curve === "straightLineYValues" ? intervals + 1 : intervals;
}

export function intervalCount(schedule: Pick<Schedule, "curve" | "values">): number {
  const { curve, values } = schedule;
  return Math.max(0, curve === "straightLineYValues" ? values.length - 1 : values.length);
}

export function endMs(schedule: Schedule): number {
  return schedule.startMs + intervalCount(schedule) * schedule.intervalS * 1000;
}

/** The same list with another length: cut, or filled up with its last value. */
export function resize<T>(values: readonly T[], length: number, blank: T): T[] {
  const last = values.at(-1) ?? blank;
  return Array.from({ length }, (_, k) => values[k] ?? last);
}

/** What is asked at an instant; null outside of the schedule. */
export function targetAt(schedule: Schedule, ms: number): number | null {
  const { values, startMs, intervalS, curve } = schedule;
  if (ms < startMs || ms >= endMs(schedule)) return null;
  const position = (ms - startMs) / 1000 / intervalS;
  const k = Math.floor(position);
  const here = values[k];
  if (here === undefined) return null;
  const next = values[k + 1];
  if (curve === "constantYValue" || next === undefined) return here;
  return here + (next - here) * (position - k);
}

/** Corner points of the schedule as a line [epoch s, value]; a step has two at its edge. */
export function line(schedule: Schedule): [number[], number[]] {
  const xs: number[] = [];
  const ys: number[] = [];
  const { values, intervalS, curve } = schedule;
  const start = schedule.startMs / 1000;
  values.forEach((value, k) => {
    xs.push(start + k * intervalS);
    ys.push(value);
    if (curve === "constantYValue") {
      xs.push(start + (k + 1) * intervalS - 1e-3);
      ys.push(value);
    }
  });
  return [xs, ys];
}

/** Numbers out of a pasted column, row or two-column table (the last number of each line). */
export function parsePaste(text: string): number[] | null {
  const lines = text.split(/[\r\n]+/).filter((row) => row.trim() !== "");
  const cells = lines.length === 1 ? lines[0]!.split(/[\t;]/) : lines.map((row) => row.split(/[\t;]/).at(-1)!);
  const numbers = cells.map(parseNumber);
  return numbers.length > 0 && numbers.every((n) => n !== null) ? numbers : null;
}
