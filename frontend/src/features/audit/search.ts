import { text, type Raw } from "@/lib/search";

export const AUDIT_FILTERS = ["actor", "action", "object_type", "object_mrid", "from", "to"] as const;
export type AuditFilters = Partial<Record<(typeof AUDIT_FILTERS)[number], string>>;

export const auditSearch = (raw: Raw): AuditFilters =>
  Object.fromEntries(AUDIT_FILTERS.map((name) => [name, text(raw, name)]));
