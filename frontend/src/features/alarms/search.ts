import { choice, text, type Raw } from "@/lib/search";

export const ALARM_VIEWS = ["active", "unacknowledged", "journal"] as const;
export type AlarmView = (typeof ALARM_VIEWS)[number];

export const alarmSearch = (raw: Raw): { view?: AlarmView; priority?: string } => ({
  view: choice(raw, "view", ALARM_VIEWS),
  priority: text(raw, "priority"),
});
