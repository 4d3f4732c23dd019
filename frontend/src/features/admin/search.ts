import { choice, type Raw } from "@/lib/search";

export const ADMIN_TABS = ["users", "clients", "organisations"] as const;
export type AdminTab = (typeof ADMIN_TABS)[number];

export const adminSearch = (raw: Raw): { tab?: AdminTab } => ({ tab: choice(raw, "tab", ADMIN_TABS) });
