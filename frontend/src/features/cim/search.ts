import { text, type Raw } from "@/lib/search";

export const CIM_FILTERS = ["noun", "verb", "client", "result", "message_id", "correlation_id", "q"] as const;
export type CimFilters = Partial<Record<(typeof CIM_FILTERS)[number], string>>;

export const cimSearch = (raw: Raw): CimFilters & { open?: string } => ({
  ...Object.fromEntries(CIM_FILTERS.map((name) => [name, text(raw, name)])),
  open: text(raw, "open"),
});
