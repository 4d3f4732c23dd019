// Which rows of the fleet are shown, in which order: pure, so it can be tested and timed.
import type { Fleet } from "@/api/fleet";
import { contains, filterRows, oneOf, sortRows, type RowTest, type TextColumn } from "@/lib/columns";
import { csvOf, type Cell } from "@/lib/csv";
import type { DevicesSearch } from "./search";

export type ColumnKey = "name" | "kind" | "feeder" | "lifecycle" | "eligible" | "link" | "rated" | "p" | "q" | "soc" | "age";

export const COLUMNS: readonly { key: ColumnKey; text: string; width: number; num?: boolean }[] = [
  { key: "name", text: "Device", width: 200 },
  { key: "kind", text: "Kind", width: 100 },
  { key: "feeder", text: "Feeder", width: 90 },
  { key: "lifecycle", text: "Life cycle", width: 100 },
  { key: "eligible", text: "Eligible", width: 80 },
  { key: "link", text: "Link", width: 100 },
  { key: "rated", text: "Rated", width: 90, num: true },
  { key: "p", text: "P", width: 90, num: true },
  { key: "q", text: "Q", width: 90, num: true },
  { key: "soc", text: "SoC %", width: 70, num: true },
  { key: "age", text: "Age", width: 80, num: true },
];

export function columnOf(fleet: Fleet, key: ColumnKey): TextColumn | Float64Array {
  const columns: Record<ColumnKey, TextColumn | Float64Array> = {
    name: fleet.name,
    kind: fleet.kind,
    feeder: fleet.feeder,
    lifecycle: fleet.lifecycle,
    eligible: fleet.eligible,
    link: fleet.link,
    rated: fleet.ratedW,
    p: fleet.pW,
    q: fleet.qVar,
    soc: fleet.socPct,
    age: fleet.measuredAt,
  };
  return columns[key];
}

export function testsOf(fleet: Fleet, search: DevicesSearch, but?: keyof DevicesSearch): RowTest[] {
  const tests: RowTest[] = [];
  const one = (name: "kind" | "feeder" | "link" | "lifecycle"): void => {
    const wanted = search[name];
    if (wanted !== undefined && name !== but) tests.push(oneOf(fleet[name], wanted.split(",")));
  };
  one("kind");
  one("feeder");
  one("link");
  one("lifecycle");
  if (search.eligible) {
    const wanted = search.eligible === "yes" ? 1 : 0;
    tests.push((row) => fleet.eligible[row] === wanted);
  }
  if (search.q) tests.push(contains([fleet.name, fleet.feeder, fleet.kind], search.q));
  return tests;
}

const EXPORTED = ["mrid", "name", "kind", "feeder", "lifecycle_state", "eligible", "link", "rated_w", "active_power_w", "reactive_power_var", "soc_pct", "measured_at"];

/** The rows on screen as a table for a spreadsheet, in SI units and UTC. */
export function tableOf(fleet: Fleet, rows: Uint32Array): string {
  const cells = (row: number): Cell[] => {
    const at = fleet.measuredAt[row]!;
    return [
      fleet.mrid[row],
      ...[fleet.name, fleet.kind, fleet.feeder, fleet.lifecycle].map((column) => column.at(row)),
      fleet.eligible[row] === 1 ? "true" : "false",
      fleet.link.at(row),
      ...[fleet.ratedW, fleet.pW, fleet.qVar, fleet.socPct].map((column) => column[row]),
      Number.isNaN(at) ? null : new Date(at * 1000).toISOString(),
    ];
  };
  return csvOf(EXPORTED, Array.from(rows, cells));
}

/** Rows that pass the filters, sorted as asked; an older value is a smaller time, so age turns. */
export function rowsOf(fleet: Fleet, search: DevicesSearch): Uint32Array {
  const rows = filterRows(fleet.size, testsOf(fleet, search));
  const key = COLUMNS.find((column) => column.key === search.sort)?.key;
  if (!key) return rows;
  const down = search.down === true;
  return sortRows(rows, columnOf(fleet, key), key === "age" ? !down : down);
}
