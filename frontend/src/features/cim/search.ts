import { text, type Raw } from "@/lib/search";

export const CIM_FILTERS = ["noun", "verb", "client", "direction", "result", "group", "message_id", "correlation_id", "start_at", "end_at", "q"] as const;
export type CimFilters = Partial<Record<(typeof CIM_FILTERS)[number], string>>;
/** What is opened beside the list: one exchange, and another one to compare it with. */
export interface CimSelection {
  open?: string | undefined;
  other?: string | undefined;
}

export const cimSearch = (raw: Raw): CimFilters & CimSelection => ({
  ...Object.fromEntries(CIM_FILTERS.map((name) => [name, text(raw, name)])),
  open: text(raw, "open"),
  other: text(raw, "other"),
});
