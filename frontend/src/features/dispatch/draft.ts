// The composer's draft: text as typed, and how it becomes a request.
import type { Dispatch, DispatchRequest } from "@/api/types";
import { parseNumber } from "@/lib/quantities";
import { pointCount, resize, type CurveStyle, type Schedule } from "@/lib/schedule";
import { fromLocal, localText } from "@/lib/time";

export interface Draft {
  group: string;
  parameter: "activePower" | "reactivePower";
  curve: CurveStyle;
  startsNow: boolean;
  /** Clock time on site, `YYYY-MM-DDTHH:MM`. */
  startText: string;
  /** Which of the two same clock times in autumn. */
  second: boolean;
  intervalText: string;
  intervalUnit: "s" | "min" | "h";
  values: string[];
  priority: number;
  allowPartial: boolean;
  end: "release" | "hold";
  name: string;
  comment: string;
}

export const INTERVAL_S = { s: 1, min: 60, h: 3600 } as const;

export function blankDraft(group: string, now: number): Draft {
  const quarter = 900_000;
  return {
    group,
    parameter: "activePower",
    curve: "constantYValue",
    startsNow: true,
    startText: localText(Math.ceil(now / quarter) * quarter).slice(0, 16),
    second: false,
    intervalText: "15",
    intervalUnit: "min",
    values: [""],
    priority: 3,
    allowPartial: true,
    end: "release",
    name: "",
    comment: "",
  };
}

/** A new draft with the schedule of an earlier dispatch, starting now. */
export function copyOf(dispatch: Dispatch, divisor: number, now: number): Draft {
  return {
    ...blankDraft(dispatch.group_mrid, now),
    parameter: dispatch.parameter === "reactivePower" ? "reactivePower" : "activePower",
    curve: dispatch.curve_style,
    intervalText: String(dispatch.interval_s / 60),
    values: dispatch.values.map((value) => String(value / divisor)),
    priority: dispatch.priority,
    allowPartial: dispatch.allow_partial,
    end: dispatch.end_behaviour,
    name: dispatch.name,
    comment: dispatch.comment,
  };
}

export function withIntervals(draft: Draft, intervals: number): Draft {
  return { ...draft, values: resize(draft.values, pointCount(draft.curve, intervals), "") };
}

export function withCurve(draft: Draft, curve: CurveStyle): Draft {
  const intervals = draft.curve === "straightLineYValues" ? draft.values.length - 1 : draft.values.length;
  return withIntervals({ ...draft, curve }, Math.max(1, intervals));
}

export type Problems = Partial<Record<"group" | "start" | "interval" | "values", string>>;

interface Checked {
  problems: Problems;
  /** Rows of the table that are not numbers. */
  badRows: ReadonlySet<number>;
  schedule: Schedule | null;
  request: DispatchRequest | null;
}

function startOf(draft: Draft, now: number): { at: number } | { problem: string } {
  if (draft.startsNow) return { at: now };
  const found = fromLocal(draft.startText);
  if (!found) return { problem: "Give a date and a time" };
  if (found.kind === "skipped") return { problem: "This hour does not exist: the clocks go forward then" };
  const at = found.kind === "one" ? found.at : draft.second ? found.second : found.first;
  return at < now - 1000 ? { problem: "This is in the past" } : { at };
}

/** Everything that is wrong with a draft, or the request it makes. `divisor` is the unit's size. */
export function check(draft: Draft, divisor: number, now: number): Checked {
  const problems: Problems = {};
  if (draft.group === "") problems.group = "Choose a group";
  const start = startOf(draft, now);
  if ("problem" in start) problems.start = start.problem;
  const interval = parseNumber(draft.intervalText);
  const intervalS = interval === null ? 0 : interval * INTERVAL_S[draft.intervalUnit];
  if (!(intervalS >= 1)) problems.interval = "At least one second";
  const numbers = draft.values.map(parseNumber);
  const badRows = new Set(numbers.flatMap((number, row) => (number === null ? [row] : [])));
  if (badRows.size > 0) problems.values = "Every row needs a number";
  if (Object.keys(problems).length > 0 || !("at" in start)) return { problems, badRows, schedule: null, request: null };
  // Rounded to a thousandth of a watt: 4.1 MW must not become 4099999.9999999995 W.
  const values = numbers.map((number) => Math.round(number! * divisor * 1000) / 1000);
  const schedule = { curve: draft.curve, startMs: start.at, intervalS, values };
  const request = {
    group: draft.group,
    parameter: draft.parameter,
    curve_style: draft.curve,
    start_at: draft.startsNow ? null : new Date(start.at).toISOString(),
    interval_s: intervalS,
    values,
    priority: draft.priority,
    allow_partial: draft.allowPartial,
    end_behaviour: draft.end,
    name: draft.name.trim(),
    comment: draft.comment.trim(),
  };
  return { problems, badRows, schedule, request };
}
