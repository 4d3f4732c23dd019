import { choice, text, type Raw } from "@/lib/search";

export const GROUP_TABS = ["status", "members", "dispatches", "trend", "changes"] as const;
export type GroupTab = (typeof GROUP_TABS)[number];

export const groupsSearch = (raw: Raw): { q?: string; create?: string } => ({
  q: text(raw, "q"),
  create: text(raw, "create"),
});

export const groupSearch = (raw: Raw): { tab: GroupTab; hours?: string } => ({
  tab: choice(raw, "tab", GROUP_TABS) ?? "status",
  hours: choice(raw, "hours", ["1", "6", "24"]),
});
