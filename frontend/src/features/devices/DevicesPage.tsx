import { useNavigate, useSearch } from "@tanstack/react-router";
import { Link } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useState, type ReactNode } from "react";
import { useFleet, type Fleet } from "@/api/fleet";
import { savePreferences, useMay, useMe } from "@/api/me";
import { Pick } from "@/components/controls";
import { Empty, Query } from "@/components/states";
import { kindName, linkText } from "@/components/symbols";
import { facet, filterRows } from "@/lib/columns";
import { saveText } from "@/lib/csv";
import { count } from "@/lib/quantities";
import { clock } from "@/lib/time";
import { DeviceGrid } from "./DeviceGrid";
import "./devices.css";
import { COLUMNS, rowsOf, tableOf, testsOf, type ColumnKey } from "./list";
import type { DevicesSearch } from "./search";

const FACETS = [
  ["kind", "all kinds", kindName],
  ["feeder", "all feeders", (text: string) => text || "no feeder"],
  ["link", "all links", linkText],
  ["lifecycle", "all life cycles", (text: string) => text],
] as const;

function Filters({ fleet, search, onSearch }: { fleet: Fleet; search: DevicesSearch; onSearch: (more: Partial<DevicesSearch>) => void }): ReactNode {
  const facets = useMemo(
    () =>
      FACETS.map(([name, all, text]) => {
        const rows = filterRows(fleet.size, testsOf(fleet, search, name));
        const found = facet(fleet[name], rows).filter(({ value, count: n }) => value !== "" && (n > 0 || search[name] === value));
        if (name === "feeder") found.sort((a, b) => a.value.localeCompare(b.value, "en", { numeric: true }));
        return { name, all, options: found.map(({ value, count: n }) => [value, `${text(value)} (${count(n)})`] as const) };
      }),
    [fleet, search],
  );
  return (
    <>
      {facets.map(({ name, all, options }) => (
        <Pick key={name} label={`Filter by ${name}`} all={all} value={search[name] ?? ""} options={options} onChange={(value) => onSearch({ [name]: value || undefined })} />
      ))}
      <Pick label="Filter by eligibility" all="eligible or not" value={search.eligible ?? ""} options={[["yes", "eligible"], ["no", "not eligible"]]} onChange={(value) => onSearch({ eligible: (value || undefined) as DevicesSearch["eligible"] })} />
    </>
  );
}

function useColumns(): [ReadonlySet<ColumnKey>, (key: ColumnKey) => void] {
  const me = useMe();
  const stored = me.preferences?.device_columns as ColumnKey[] | undefined;
  const [shown, setShown] = useState<ReadonlySet<ColumnKey>>(new Set(stored ?? COLUMNS.map(({ key }) => key)));
  const toggle = (key: ColumnKey): void => {
    const next = new Set(shown);
    if (!next.delete(key)) next.add(key);
    setShown(next);
    void savePreferences({ ...me.preferences, device_columns: [...next] }).catch(() => undefined);
  };
  return [shown, toggle];
}

function Fleetlist({ fleet }: { fleet: Fleet }): ReactNode {
  const search = useSearch({ from: "/devices" });
  const navigate = useNavigate({ from: "/devices" });
  const [columns, toggleColumn] = useColumns();
  const settled = useDeferredValue(search);
  const rows = useMemo(() => rowsOf(fleet, settled), [fleet, settled]);
  const onSearch = (more: Partial<DevicesSearch>): void => void navigate({ search: { ...search, ...more }, replace: true, resetScroll: false });
  const mayImport = useMay("devices.import");
  return (
    <>
      <div className="page-head">
        <h1>Devices</h1>
        <input className="input" type="search" data-filter aria-label="Filter devices" placeholder="name, kind or feeder" defaultValue={search.q ?? ""} onChange={(e) => onSearch({ q: e.target.value || undefined })} />
        <Filters fleet={fleet} search={search} onSearch={onSearch} />
        <span className="dim" role="status" data-testid="device-count">
          {count(rows.length)} of {count(fleet.size)}
        </span>
        <span className="row push">
          <details className="columns">
            <summary className="btn">Columns</summary>
            <div className="panel">
              {COLUMNS.slice(1).map(({ key, text }) => (
                <label key={key} className="check">
                  <input type="checkbox" checked={columns.has(key)} onChange={() => toggleColumn(key)} />
                  {text}
                </label>
              ))}
            </div>
          </details>
          <button type="button" className="btn" disabled={rows.length === 0} onClick={() => saveText(tableOf(fleet, rows), "devices-shown.csv")}>
            Export these {count(rows.length)}
          </button>
          <a className="btn" href="/api/v1/devices/export" download>
            Export all as CSV
          </a>
          {mayImport && (
            <Link to="/devices/import" className="btn">
              Import CSV
            </Link>
          )}
        </span>
      </div>
      {rows.length === 0 ? (
        <Empty why={fleet.size === 0 ? "No device is registered yet." : `The filters hide all ${count(fleet.size)} devices.`}>
          {fleet.size > 0 && (
            <button type="button" className="btn" onClick={() => void navigate({ search: {}, replace: true, resetScroll: false })}>
              Clear the filters
            </button>
          )}
        </Empty>
      ) : (
        <DeviceGrid fleet={fleet} rows={rows} shown={columns} search={search} onSearch={onSearch} />
      )}
      <p className="dim small">Values on screen are live; the rest of the list is as of {clock(fleet.at)}.</p>
    </>
  );
}

export function DevicesPage(): ReactNode {
  const fleet = useFleet();
  return (
    <div className="page fill">
      <Query of={fleet} what="the devices" rows={20}>
        {(data) => <Fleetlist fleet={data} />}
      </Query>
    </div>
  );
}
