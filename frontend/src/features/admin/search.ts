import { choice, text, type Raw } from "@/lib/search";

export const ADMIN_TABS = ["users", "clients", "organisations"] as const;
export type AdminTab = (typeof ADMIN_TABS)[number];

export const adminSearch = (raw: Raw): { tab?: AdminTab } => ({ tab: choice(raw, "tab", ADMIN_TABS) });

export const CERTIFICATE_STATES = ["good", "ends_soon", "expired", "early", "revoked"] as const;
export type CertificateState = (typeof CERTIFICATE_STATES)[number];

export const certificateSearch = (raw: Raw): { state?: CertificateState; q?: string } => ({
  state: choice(raw, "state", CERTIFICATE_STATES),
  q: text(raw, "q"),
});
