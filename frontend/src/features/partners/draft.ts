// A subscription while it is typed: texts as in the fields, and what becomes of them.
import type { Subscription } from "@/api/types";

export const NOUNS = ["DERGroups", "DERGroupStatuses", "DERGroupForecasts", "EndDeviceEvents", "MeterReadings"] as const;

export interface Draft {
  noun: string;
  groups: string;
  kilowatts: string;
  percent: string;
  onState: boolean;
  pause: string;
  period: string;
  active: boolean;
}

export const NEW_DRAFT: Draft = { noun: "DERGroupStatuses", groups: "", kilowatts: "", percent: "", onState: true, pause: "1", period: "", active: true };

export function hasPeriod(noun: string): boolean {
  return noun === "DERGroupStatuses" || onlyByPeriod(noun);
}

export function onlyByPeriod(noun: string): boolean {
  return noun === "DERGroupForecasts" || noun === "MeterReadings";
}

const typed = (value: number | null): string => (value === null ? "" : String(value));

export function draftOf(of: Subscription): Draft {
  return {
    noun: of.noun,
    groups: of.groups.join("\n"),
    kilowatts: of.change_w === null ? "" : String(of.change_w / 1000),
    percent: typed(of.change_pct),
    onState: of.on_state,
    pause: String(of.min_interval_s),
    period: typed(of.period_s),
    active: of.active,
  };
}

/** Empty means that it does not count; a comma is a decimal point. */
function read(text: string): number | null {
  return text.trim() === "" ? null : Number(text.trim().replace(",", "."));
}

/** What the server gets; conditions that do not belong to the noun are left off. */
export function bodyOf(draft: Draft): Omit<Subscription, "mrid" | "noun" | "revision" | "on_change"> {
  const isStatus = draft.noun === "DERGroupStatuses";
  const kilowatts = isStatus ? read(draft.kilowatts) : null;
  return {
    groups: draft.groups.split("\n").map((line) => line.trim()).filter(Boolean),
    change_w: kilowatts === null ? null : kilowatts * 1000,
    change_pct: isStatus ? read(draft.percent) : null,
    on_state: draft.onState,
    min_interval_s: read(draft.pause) ?? 0,
    period_s: hasPeriod(draft.noun) ? read(draft.period) : null,
    active: draft.active,
  };
}
