// An alarm flood (ISA-18.2: more than 10 in 10 minutes) is shown by cause, not one by one.
import type { Alarm } from "@/api/types";

export const FLOOD_COUNT = 10;
export const FLOOD_MS = 600_000;

export interface Fold {
  first: Alarm;
  rest: Alarm[];
}

export function isFlood(alarms: readonly Alarm[], now: number): boolean {
  return alarms.filter(({ last_raised_at, cleared_at }) => cleared_at === null && now - Date.parse(last_raised_at) < FLOOD_MS).length > FLOOD_COUNT;
}

/** Alarms of one kind, priority and state as one line when folding, else each its own. */
export function fold(alarms: readonly Alarm[], folding: boolean): Fold[] {
  if (!folding) return alarms.map((first) => ({ first, rest: [] }));
  const folds = new Map<string, Fold>();
  for (const alarm of alarms) {
    const key = `${alarm.kind} ${alarm.priority} ${alarm.acknowledged_at === null} ${alarm.cleared_at === null}`;
    const found = folds.get(key);
    if (found) found.rest.push(alarm);
    else folds.set(key, { first: alarm, rest: [] });
  }
  return [...folds.values()];
}
