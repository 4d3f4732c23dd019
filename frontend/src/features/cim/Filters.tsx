import type { ReactNode } from "react";
import { fromLocal, instant, localText, siteZone } from "@/lib/time";
import type { CimFilters } from "./search";

interface Props {
  filters: CimFilters;
  onChange: (more: CimFilters) => void;
}

const TEXTS: readonly (readonly [keyof CimFilters, string])[] = [
  ["noun", "noun"],
  ["verb", "verb"],
  ["client", "partner"],
  ["group", "group"],
  ["message_id", "MessageID"],
  ["correlation_id", "CorrelationID"],
  ["q", "text"],
];
const CHOICES: readonly (readonly [keyof CimFilters, string, readonly (readonly [string, string])[]])[] = [
  ["direction", "in and out", [["in", "in"], ["out", "out"]]],
  ["result", "any result", [["OK", "OK"], ["PARTIAL", "PARTIAL"], ["FAILED", "FAILED"], ["FAULT", "FAULT"], ["NOT_OK", "all but OK"]]],
];

/** What a time field shows: the clock on site. */
function shown(value: string | undefined): string {
  return value ? localText(instant(value)).slice(0, 16) : "";
}

function asked(text: string): string | undefined {
  const found = text ? fromLocal(text) : null;
  if (found?.kind === "one") return new Date(found.at).toISOString();
  return found?.kind === "twice" ? new Date(found.first).toISOString() : undefined;
}

/** Search fields of the log; each is part of the address. */
export function Filters({ filters, onChange }: Props): ReactNode {
  return (
    <div className="row cim-filters" role="search" aria-label="Search messages">
      {TEXTS.map(([name, label], k) => (
        <input key={name} className="input cim-filter" type="search" aria-label={`Filter by ${label}`} placeholder={label} {...(k === 0 && { "data-filter": true })} defaultValue={filters[name] ?? ""} onChange={(e) => onChange({ [name]: e.target.value.trim() || undefined })} />
      ))}
      {CHOICES.map(([name, all, options]) => (
        <select key={name} className="input" aria-label={`Filter by ${name}`} value={filters[name] ?? ""} onChange={(e) => onChange({ [name]: e.target.value || undefined })}>
          <option value="">{all}</option>
          {options.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      ))}
      {(["start_at", "end_at"] as const).map((name) => (
        <label key={name} className="row small dim" title={`Time in ${siteZone()}`}>
          {name === "start_at" ? "from" : "to"}
          <input className="input" type="datetime-local" defaultValue={shown(filters[name])} onChange={(e) => onChange({ [name]: asked(e.target.value) })} />
        </label>
      ))}
    </div>
  );
}
