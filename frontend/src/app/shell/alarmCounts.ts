import type { Alarm } from "@/api/types";

export type AlarmCounts = Record<number | string, { active: number; unacknowledged: number }>;

export function countAlarms(alarms: readonly Alarm[]): AlarmCounts {
  const counts: AlarmCounts = {};
  for (const alarm of alarms) {
    const found = (counts[alarm.priority] ??= { active: 0, unacknowledged: 0 });
    if (alarm.cleared_at === null) found.active++;
    if (alarm.acknowledged_at === null) found.unacknowledged++;
  }
  return counts;
}

/** The one an operator must see on every page: highest priority, then newest. */
export function mostUrgent(alarms: readonly Alarm[]): Alarm | null {
  const open = alarms.filter((alarm) => alarm.acknowledged_at === null);
  open.sort((a, b) => a.priority - b.priority || b.raised_at.localeCompare(a.raised_at));
  return open[0] ?? null;
}
