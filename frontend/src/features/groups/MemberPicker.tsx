import { useMemo, useState, type ReactNode } from "react";
import { useFleet, type Fleet } from "@/api/fleet";
import { Pick } from "@/components/controls";
import { Query } from "@/components/states";
import { kindName } from "@/components/symbols";
import { contains, facet, filterRows, oneOf, type RowTest } from "@/lib/columns";
import { count, quantity } from "@/lib/quantities";

export interface Rule {
  q: string;
  kind: string;
  feeder: string;
  onlyEligible: boolean;
  most: string;
  pasted: string;
}

export const NO_RULE: Rule = { q: "", kind: "", feeder: "", onlyEligible: true, most: "", pasted: "" };

/** Rows of the fleet a rule selects, in the order of the fleet; and pasted mRIDs nobody knows. */
export function select(fleet: Fleet, rule: Rule): { rows: Uint32Array; unknown: string[] } {
  const pasted = rule.pasted.split(/[\s,;]+/).filter(Boolean);
  if (pasted.length > 0) {
    const byName = new Map(fleet.name.values.map((name, code) => [name, code]));
    const nameRow = new Map(Array.from(fleet.name.codes, (code, row) => [code, row]));
    const found = pasted.map((one) => fleet.rowOf.get(one) ?? nameRow.get(byName.get(one) ?? -1));
    return {
      rows: Uint32Array.from(new Set(found.filter((row) => row !== undefined))),
      unknown: pasted.filter((_, k) => found[k] === undefined),
    };
  }
  const tests: RowTest[] = [];
  if (rule.q) tests.push(contains([fleet.name, fleet.feeder], rule.q));
  if (rule.kind) tests.push(oneOf(fleet.kind, [rule.kind]));
  if (rule.feeder) tests.push(oneOf(fleet.feeder, [rule.feeder]));
  if (rule.onlyEligible) tests.push((row) => fleet.eligible[row] === 1);
  tests.push(oneOf(fleet.lifecycle, ["registered"]));
  const rows = filterRows(fleet.size, tests);
  const most = Number(rule.most);
  return { rows: most > 0 ? rows.subarray(0, most) : rows, unknown: [] };
}

interface Props {
  rule: Rule;
  onRule: (rule: Rule) => void;
  children: (chosen: { mrids: string[]; text: string }) => ReactNode;
}

function Picker({ fleet, rule, onRule, children }: Props & { fleet: Fleet }): ReactNode {
  const [byPaste, setByPaste] = useState(false);
  const all = useMemo(() => filterRows(fleet.size, []), [fleet]);
  const kinds = useMemo(() => facet(fleet.kind, all), [fleet, all]);
  const feeders = useMemo(() => facet(fleet.feeder, all).sort((a, b) => a.value.localeCompare(b.value, "en", { numeric: true })), [fleet, all]);
  const { rows, unknown } = useMemo(() => select(fleet, rule), [fleet, rule]);
  const rated = rows.reduce((sum, row) => sum + (fleet.ratedW[row] || 0), 0);
  const change = (more: Partial<Rule>): void => onRule({ ...rule, ...more });
  return (
    <fieldset className="stack">
      <legend className="label">Members</legend>
      <div className="row">
        <button type="button" className="btn" aria-pressed={!byPaste} onClick={() => { setByPaste(false); change({ pasted: "" }); }}>
          By filter
        </button>
        <button type="button" className="btn" aria-pressed={byPaste} onClick={() => setByPaste(true)}>
          By list of mRIDs or names
        </button>
      </div>
      {byPaste ? (
        <textarea className="input mono" rows={5} aria-label="mRIDs or names" placeholder="one a line" value={rule.pasted} onChange={(e) => change({ pasted: e.target.value })} />
      ) : (
        <div className="row">
          <input className="input" aria-label="Name contains" placeholder="name contains" value={rule.q} onChange={(e) => change({ q: e.target.value })} />
          <Pick label="Kind" all="all kinds" value={rule.kind} onChange={(kind) => change({ kind })} options={kinds.map(({ value, count: n }) => [value, `${kindName(value)} (${count(n)})`])} />
          <Pick label="Feeder" all="all feeders" value={rule.feeder} onChange={(feeder) => change({ feeder })} options={feeders.filter(({ value }) => value).map(({ value, count: n }) => [value, `${value} (${count(n)})`])} />
          <input className="input" style={{ width: 90 }} inputMode="numeric" aria-label="At most" placeholder="at most" value={rule.most} onChange={(e) => change({ most: e.target.value.replace(/\D/g, "") })} />
          <label className="check">
            <input type="checkbox" checked={rule.onlyEligible} onChange={(e) => change({ onlyEligible: e.target.checked })} />
            eligible only
          </label>
        </div>
      )}
      <p role="status">
        <strong>{count(rows.length)}</strong> devices, rated {quantity(rated, "W")}
        {rows.length === 0 && !byPaste && <span className="dim"> · the filter leaves none of {count(fleet.size)}</span>}
        {unknown.length > 0 && (
          <span className="danger">
            {" "}
            · {count(unknown.length)} unknown: {unknown.slice(0, 3).join(", ")}
          </span>
        )}
      </p>
      <p className="dim small" style={{ maxHeight: 54, overflow: "auto" }}>
        {Array.from(rows.subarray(0, 30), (row) => fleet.name.at(row)).join(", ")}
        {rows.length > 30 && " \u2026"}
      </p>
      {children({ mrids: Array.from(rows, (row) => fleet.mrid[row]!), text: `${count(rows.length)} devices` })}
    </fieldset>
  );
}

/** Choose devices by filter with a live count, or by pasting their mRIDs. */
export function MemberPicker(props: Props): ReactNode {
  const fleet = useFleet();
  return (
    <Query of={fleet} what="the fleet" rows={4}>
      {(data) => <Picker fleet={data} {...props} />}
    </Query>
  );
}
